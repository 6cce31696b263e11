#include "pipeline/stages/dense_labels.hpp"

#include "datus/algo/similarity.hpp"
#include "datus/algo/smoothing.hpp"
#include "datus/core/error.hpp"
#include "pipeline/files/cluster_files.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <utility>

namespace datus {
namespace {

/// Calls visit(pixel, its interpolated values [clusters]) for each pixel that a patch shows.
template <class Visit>
void for_each_pixel(std::span<const float> similarities, GridSize grid, int clusters, const PatchBlends& blends,
                    Visit&& visit) {
  const auto count = static_cast<std::size_t>(clusters);
  const std::size_t line_size = static_cast<std::size_t>(grid.cols) * count;
  std::vector<float> line(line_size);
  std::vector<float> values(count);
  for (std::size_t y = 0; y < blends.rows.size(); ++y) {
    const PatchBlend& row = blends.rows[y];
    if (row.first < 0) continue;
    const float* above = similarities.data() + static_cast<std::size_t>(row.first) * line_size;
    const float* below = similarities.data() + static_cast<std::size_t>(row.second) * line_size;
    for (std::size_t i = 0; i < line_size; ++i) line[i] = above[i] + row.weight * (below[i] - above[i]);
    for (std::size_t x = 0; x < blends.cols.size(); ++x) {
      const PatchBlend& col = blends.cols[x];
      if (col.first < 0) continue;
      const float* left = line.data() + static_cast<std::size_t>(col.first) * count;
      const float* right = line.data() + static_cast<std::size_t>(col.second) * count;
      for (std::size_t i = 0; i < count; ++i) values[i] = left[i] + col.weight * (right[i] - left[i]);
      visit(y * blends.cols.size() + x, std::span<const float>(values));
    }
  }
}

}  // namespace

DenseClusters read_dense_clusters(const Hdf5Reader& reader, const std::string& group) {
  Centroids centroids = read_centroids(reader, group + "/centroids");
  DenseClusters clusters{.centroids = {}, .cluster = {}, .dim = centroids.dim, .clusters = centroids.k};
  if (auto fine = read_fine_clusters(reader, group)) {
    clusters.dim = fine->dim;
    clusters.cluster = cut_tree(fine->tree, centroids.k, fine->rows);
    clusters.centroids = std::move(fine->centroids);
    return clusters;
  }
  clusters.cluster.resize(static_cast<std::size_t>(centroids.k));
  std::iota(clusters.cluster.begin(), clusters.cluster.end(), 0);
  clusters.centroids = std::move(centroids.values);
  return clusters;
}

std::vector<float> dense_similarities(const DenseClusters& clusters, std::span<const float> embeddings,
                                      std::optional<double> smoothing, std::span<const std::uint8_t> valid) {
  const int patches = static_cast<int>(embeddings.size() / static_cast<std::size_t>(clusters.dim));
  const std::vector<float> rows = smoothing ? smooth_embeddings(embeddings, patches, clusters.dim, *smoothing, valid)
                                            : unit_embeddings(embeddings, clusters.dim);
  return cluster_similarities(rows, clusters.dim, clusters.centroids, clusters.cluster, clusters.clusters);
}

LabelMap most_similar(std::span<const float> similarities, GridSize grid, int clusters, const PatchBlends& blends) {
  LabelMap map(static_cast<int>(blends.rows.size()), static_cast<int>(blends.cols.size()));
  std::ranges::fill(map.labels, no_label);
  for_each_pixel(similarities, grid, clusters, blends, [&](std::size_t pixel, std::span<const float> values) {
    map.labels[pixel] = static_cast<std::int32_t>(std::ranges::max_element(values) - values.begin());
  });
  return map;
}

std::vector<float> pixel_values(std::span<const float> similarities, GridSize grid, int clusters,
                                const PatchBlends& blends, float scale) {
  const auto count = static_cast<std::size_t>(clusters);
  std::vector<float> all(blends.rows.size() * blends.cols.size() * count);
  for_each_pixel(similarities, grid, clusters, blends, [&](std::size_t pixel, std::span<const float> values) {
    for (std::size_t i = 0; i < count; ++i) all[pixel * count + i] = scale * values[i];
  });
  return all;
}

}  // namespace datus
