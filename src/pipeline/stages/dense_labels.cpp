// SPDX-License-Identifier: Apache-2.0
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

/// Calls visit(pixel, its interpolated values [count]) for each pixel, with nullptr for one that no patch shows. A
/// patch has `stride` values, of which the first `count` are meant.
template <class Visit>
void for_each_pixel(const float* of_patches, GridSize grid, int stride, int count, const PatchBlends& blends,
                    Visit&& visit) {
  const auto patch_size = static_cast<std::size_t>(stride);
  const auto size = static_cast<std::size_t>(count);
  const auto patches = static_cast<std::size_t>(grid.cols);
  std::vector<float> line(patches * size);
  std::vector<float> values(size);
  for (std::size_t y = 0; y < blends.rows.size(); ++y) {
    const PatchBlend& row = blends.rows[y];
    for (std::size_t patch = 0; row.first >= 0 && patch < patches; ++patch) {
      const float* above = of_patches + (static_cast<std::size_t>(row.first) * patches + patch) * patch_size;
      const float* below = of_patches + (static_cast<std::size_t>(row.second) * patches + patch) * patch_size;
      float* between = line.data() + patch * size;
      for (std::size_t i = 0; i < size; ++i) between[i] = above[i] + row.weight * (below[i] - above[i]);
    }
    for (std::size_t x = 0; x < blends.cols.size(); ++x) {
      const PatchBlend& col = blends.cols[x];
      const std::size_t pixel = y * blends.cols.size() + x;
      if (row.first < 0 || col.first < 0) {
        visit(pixel, nullptr);
        continue;
      }
      const float* left = line.data() + static_cast<std::size_t>(col.first) * size;
      const float* right = line.data() + static_cast<std::size_t>(col.second) * size;
      for (std::size_t i = 0; i < size; ++i) values[i] = left[i] + col.weight * (right[i] - left[i]);
      visit(pixel, values.data());
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

std::vector<float> compared_embeddings(std::span<const float> embeddings, int dim, std::optional<double> smoothing,
                                       std::span<const std::uint8_t> valid) {
  const int patches = static_cast<int>(embeddings.size() / static_cast<std::size_t>(dim));
  return smoothing ? smooth_embeddings(embeddings, patches, dim, *smoothing, valid) : unit_embeddings(embeddings, dim);
}

std::vector<float> dense_similarities(const DenseClusters& clusters, std::span<const float> compared) {
  return cluster_similarities(compared, clusters.dim, clusters.centroids, clusters.cluster, clusters.clusters);
}

void LargestClasses::add(std::span<const float> values, GridSize grid, int stride, int first, int count) {
  for_each_pixel(values.data(), grid, stride, count, blends_, [&](std::size_t pixel, const float* of_pixel) {
    if (of_pixel == nullptr) return;
    const float* const largest = std::max_element(of_pixel, of_pixel + count);
    if (map_.labels[pixel] != no_label && *largest <= largest_[pixel]) return;
    largest_[pixel] = *largest;
    map_.labels[pixel] = first + static_cast<std::int32_t>(largest - of_pixel);
  });
}

LabelMap most_similar(std::span<const float> similarities, GridSize grid, int clusters, const PatchBlends& blends) {
  LargestClasses largest(blends);
  largest.add(similarities, grid, clusters, 0, clusters);
  return std::move(largest).map();
}

void give_pixels(std::span<const float> similarities, GridSize grid, int clusters, const PatchBlends& blends,
                 float scale, int first, int count, std::span<float> values) {
  for_each_pixel(similarities.data() + first, grid, clusters, count, blends,
                 [&](std::size_t pixel, const float* of_pixel) {
                   float* const lanes = values.data() + pixel * class_group_size;
                   for (int i = 0; i < count; ++i) lanes[i] = of_pixel == nullptr ? 0.0F : scale * of_pixel[i];
                 });
}

}  // namespace datus
