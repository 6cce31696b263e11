// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/similarity.hpp"

#include "algo/affinity/product.hpp"
#include "datus/algo/aligned_vector.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace datus {
namespace {

using affinity::pack_rows;
using affinity::panel_width;
using affinity::panels_of;

void check(const ClusterCentroids& clustering, int dim) {
  const bool names_clusters = std::ranges::all_of(
      clustering.cluster, [&](std::int32_t cluster) { return cluster >= 0 && cluster < clustering.clusters; });
  if (dim >= 1 && clustering.centroids.size() == clustering.cluster.size() * static_cast<std::size_t>(dim) &&
      names_clusters) {
    return;
  }
  throw InputError("Embeddings of " + std::to_string(dim) + " values cannot be compared with the clusters",
                   std::to_string(clustering.centroids.size()) + " values of centroids belong to " +
                       std::to_string(clustering.cluster.size()) + " of them and " +
                       std::to_string(clustering.clusters) + " clusters",
                   "Use clusters that were made from the same embeddings.");
}

}  // namespace

std::vector<float> unit_embeddings(std::span<const float> embeddings, int dim) {
  std::vector<float> unit(embeddings.begin(), embeddings.end());
  affinity::scale_to_unit_length(unit, dim, affinity::kernel_for(best_simd_path()));
  return unit;
}

struct ClusterSimilarities::State {
  affinity::Kernel kernel;
  std::size_t dim;
  std::size_t clusters = 0;
  /// For each centroid the clusters that it is in, numbered over all clusterings.
  std::vector<std::vector<std::size_t>> clusters_of;
  AlignedVector<float> packed;  ///< panels of centroids, then of embeddings
  AlignedVector<float> tile;
  AlignedVector<float> largest;  ///< [clusters][rows of whole panels]

  void add(const ClusterCentroids& clustering, std::size_t first_centroid);
  /// Cosines of all centroids and the embeddings of some panels.
  void compare(std::size_t first_panel, std::size_t panels, std::size_t row_size);
};

void ClusterSimilarities::State::add(const ClusterCentroids& clustering, std::size_t first_centroid) {
  const std::size_t count = clustering.cluster.size();
  clusters_of.resize(std::max(clusters_of.size(), first_centroid + count));
  for (std::size_t i = 0; i < count; ++i) {
    clusters_of[first_centroid + i].push_back(clusters + static_cast<std::size_t>(clustering.cluster[i]));
  }
  clusters += static_cast<std::size_t>(clustering.clusters);
}

void ClusterSimilarities::State::compare(std::size_t first_panel, std::size_t panels, std::size_t row_size) {
  const std::size_t centroids = clusters_of.size();
  const auto tile_rows = static_cast<std::size_t>(kernel.tile_rows);
  const auto tile_width = static_cast<std::size_t>(kernel.tile_panels) * panel_width;
  for (std::size_t first = 0; first < centroids; first += tile_rows) {
    kernel.multiply(packed.data(), static_cast<int>(dim), static_cast<int>(first),
                    static_cast<int>(panels_of(centroids) + first_panel), static_cast<int>(panels), tile.data());
    for (std::size_t r = 0; r < std::min(tile_rows, centroids - first); ++r) {
      const float* const cosines = tile.data() + r * tile_width;
      for (const std::size_t cluster : clusters_of[first + r]) {
        float* const to = largest.data() + cluster * row_size + first_panel * panel_width;
        for (std::size_t i = 0; i < panels * panel_width; ++i) to[i] = std::max(to[i], cosines[i]);
      }
    }
  }
}

ClusterSimilarities::ClusterSimilarities(std::span<const ClusterCentroids> clusterings, int dim, SimdPath path)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.kernel = affinity::kernel_for(path);
  s.dim = static_cast<std::size_t>(std::max(dim, 1));
  s.tile.resize(static_cast<std::size_t>(s.kernel.tile_rows * s.kernel.tile_panels) * panel_width);
  std::vector<float> units;
  std::vector<std::size_t> firsts;  // of each clustering's centroids
  for (const ClusterCentroids& one : clusterings) {
    check(one, dim);
    std::size_t same = 0;
    while (same < firsts.size() && !std::ranges::equal(clusterings[same].centroids, one.centroids)) ++same;
    firsts.push_back(same < firsts.size() ? firsts[same] : units.size() / s.dim);
    if (same + 1 == firsts.size()) units.insert(units.end(), one.centroids.begin(), one.centroids.end());
    s.add(one, firsts.back());
  }
  affinity::scale_to_unit_length(units, dim, s.kernel);
  s.packed.resize(panels_of(s.clusters_of.size()) * s.dim * panel_width);
  pack_rows(units, s.dim, s.packed);
}

ClusterSimilarities::~ClusterSimilarities() = default;
ClusterSimilarities::ClusterSimilarities(ClusterSimilarities&&) noexcept = default;
ClusterSimilarities& ClusterSimilarities::operator=(ClusterSimilarities&&) noexcept = default;

std::vector<float> ClusterSimilarities::of(std::span<const float> embeddings) {
  State& s = *state_;
  if (embeddings.size() % s.dim != 0) {
    throw InputError(std::to_string(embeddings.size()) + " values cannot be compared with clusters",
                     "an embedding has " + std::to_string(s.dim), "Use the embeddings that the clusters were made of.");
  }
  const std::size_t rows = embeddings.size() / s.dim;
  const std::size_t panels = panels_of(rows);
  const std::size_t row_size = panels * panel_width;
  const std::size_t of_centroids = panels_of(s.clusters_of.size()) * s.dim * panel_width;
  s.packed.resize(of_centroids + row_size * s.dim);
  pack_rows(embeddings, s.dim, std::span(s.packed).subspan(of_centroids));
  s.largest.assign(s.clusters * row_size, -1.0F);
  const auto together = static_cast<std::size_t>(s.kernel.tile_panels);
  for (std::size_t panel = 0; panel < panels; panel += together) {
    s.compare(panel, std::min(together, panels - panel), row_size);
  }
  std::vector<float> similarities(rows * s.clusters);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < s.clusters; ++k) similarities[row * s.clusters + k] = s.largest[k * row_size + row];
  }
  return similarities;
}

}  // namespace datus
