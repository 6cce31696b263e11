// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/dense_labels.hpp"

#include "datus/algo/similarity.hpp"
#include "datus/algo/smoothing.hpp"
#include "datus/core/error.hpp"
#include "pipeline/files/cluster_files.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>

namespace datus {
namespace {

/// Calls visit(pixel, its interpolated values [clusters]) for each pixel of the rows begin ... end - 1, with nullptr
/// for one that no patch shows.
template <class Visit>
void for_each_pixel(const PatchSimilarities& similarities, const PatchBlends& blends, std::size_t begin,
                    std::size_t end, Visit&& visit) {
  const float* const of_patches = similarities.values.data() + similarities.first;
  const auto patch_size = static_cast<std::size_t>(similarities.all);
  const auto size = static_cast<std::size_t>(similarities.clusters);
  const auto patches = static_cast<std::size_t>(similarities.grid.cols);
  std::vector<float> line(patches * size);
  std::vector<float> values(size);
  for (std::size_t y = begin; y < end; ++y) {
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

std::vector<Between> places_of(int pixels, int places) {
  std::vector<Between> between;
  for (const PatchBlend& blend : blend_lines(pixels, places)) {
    between.push_back({blend.first, blend.second, blend.weight});
  }
  return between;
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

LargestClasses::LargestClasses(int height, int width, int small_height, int small_width)
    : rows_(blend_lines(height, small_height)),
      columns_(places_of(width, small_width), small_width),
      line_size_(static_cast<std::size_t>(small_width) * class_group_size),
      map_(height, width, no_label),
      largest_(map_.labels.size(), -std::numeric_limits<float>::infinity()),
      before_(line_size_) {}

void LargestClasses::add(const ClassLanes& lanes, std::size_t pixel, std::span<const float> values) {
  auto row = static_cast<std::int32_t>(pixel * class_group_size / line_size_);
  if (row == 0) next_row_ = 0;
  for (; !values.empty(); values = values.subspan(line_size_), ++row) add_row(row, lanes, values.first(line_size_));
}

/// All rows of the map that this row of the smaller image is the last one of.
void LargestClasses::add_row(std::int32_t row, const ClassLanes& lanes, std::span<const float> values) {
  const std::size_t width = columns_.pixels().size();
  for (; next_row_ < rows_.size() && rows_[next_row_].second <= row; ++next_row_) {
    const PatchBlend& blend = rows_[next_row_];
    const std::span<const float> above = blend.first == row ? values : before_;
    keep_largest({.pixels = columns_, .above = above, .below = values, .share = blend.weight}, lanes,
                 std::span(largest_).subspan(next_row_ * width, width),
                 std::span(map_.labels).subspan(next_row_ * width, width));
  }
  std::copy_n(values.data(), line_size_, before_.data());
}

LabelMap most_similar(const PatchSimilarities& similarities, const PatchBlends& blends) {
  LabelMap map(static_cast<int>(blends.rows.size()), static_cast<int>(blends.cols.size()), no_label);
  for_each_pixel(similarities, blends, 0, blends.rows.size(), [&](std::size_t pixel, const float* of_pixel) {
    if (of_pixel == nullptr) return;
    map.labels[pixel] =
        static_cast<std::int32_t>(std::max_element(of_pixel, of_pixel + similarities.clusters) - of_pixel);
  });
  return map;
}

std::vector<CellBlend> blend_cells(std::span<const PatchBlend> pixels, int step) {
  std::vector<CellBlend> cells;
  while (!pixels.empty()) {
    const auto of_cell = pixels.first(std::min(pixels.size(), static_cast<std::size_t>(step)));
    pixels = pixels.subspan(of_cell.size());
    std::map<std::int32_t, double> sums;
    for (const PatchBlend& pixel : of_cell) {
      if (pixel.first < 0) continue;
      sums[pixel.first] += 1.0 - pixel.weight;
      sums[pixel.second] += pixel.weight;
    }
    CellBlend& cell = cells.emplace_back();
    if (sums.empty()) continue;
    cell.first = sums.begin()->first;
    cell.weights.resize(static_cast<std::size_t>(sums.rbegin()->first - cell.first) + 1);
    for (const auto& [line, sum] : sums) {
      cell.weights[static_cast<std::size_t>(line - cell.first)] =
          static_cast<float>(sum / static_cast<double>(of_cell.size()));
    }
  }
  return cells;
}

void give_cells(const PatchSimilarities& similarities, std::span<const CellBlend> rows, std::span<const CellBlend> cols,
                std::size_t cell, std::span<float> values) {
  const auto patches = static_cast<std::size_t>(similarities.grid.cols);
  const auto all = static_cast<std::size_t>(similarities.all);
  const auto size = static_cast<std::size_t>(similarities.clusters);
  const auto add = [&](const CellBlend& blend, const float* from, std::size_t stride, float* sums) {
    std::fill_n(sums, size, 0.0F);
    for (const float weight : blend.weights) {
      for (std::size_t k = 0; k < size; ++k) sums[k] += weight * from[k];
      from += stride;
    }
  };
  const CellBlend& row = rows[cell / cols.size()];
  const float* const from =
      similarities.values.data() + similarities.first + static_cast<std::size_t>(row.first) * patches * all;
  std::vector<float> line(patches * size);
  for (std::size_t patch = 0; patch < patches; ++patch)
    add(row, from + patch * all, patches * all, line.data() + patch * size);
  float* to = values.data();
  for (const CellBlend& col : cols) {
    add(col, line.data() + static_cast<std::size_t>(col.first) * size, size, to);
    to += class_group_size;
  }
}

void give_pixels(const PatchSimilarities& similarities, const PatchBlends& blends, float scale, std::size_t pixel,
                 std::span<float> values) {
  const std::size_t width = blends.cols.size();
  for_each_pixel(similarities, blends, pixel / width, (pixel + values.size() / class_group_size) / width,
                 [&](std::size_t given, const float* of_pixel) {
                   float* const lanes = values.data() + (given - pixel) * class_group_size;
                   for (int i = 0; i < similarities.clusters; ++i)
                     lanes[i] = of_pixel == nullptr ? 0.0F : scale * of_pixel[i];
                 });
}

}  // namespace datus
