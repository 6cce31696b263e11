// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/aligned_vector.hpp"
#include "datus/algo/class_groups.hpp"
#include "datus/algo/pixel_classes.hpp"
#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/model/input_geometry.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// What pixels are compared with: clusters, each of one centroid or of the fine ones that were joined in it.
struct DenseClusters {
  std::vector<double> centroids;      ///< [F, dim]
  std::vector<std::int32_t> cluster;  ///< [F]
  int dim = 0;
  int clusters = 0;
};

/// Of RUN/clusters/kK/centroids.h5, or of a clusters file's group, for K clusters. Whoever opened the file has verified
/// it. Throws `InputError` naming the file.
[[nodiscard]] DenseClusters read_dense_clusters(const Hdf5Reader& reader, const std::string& group);

/// The embeddings [P, dim] of an image as they are compared with clusters, whatever these are: at unit length, smoothed
/// where `smoothing` (descriptor.smoothing) is set. `valid` [P] or empty.
[[nodiscard]] std::vector<float> compared_embeddings(std::span<const float> embeddings, int dim,
                                                     std::optional<double> smoothing,
                                                     std::span<const std::uint8_t> valid);

/// Each pixel's class of the largest value, of values that are interpolated from those of a smaller image's pixels; the
/// lowest class on ties. Plain f32 arithmetic, one pixel by itself: the same everywhere.
class LargestClasses {
 public:
  LargestClasses(int height, int width, int small_height, int small_width);

  /// Values of rows of the smaller image, as `TakeClasses` is given them.
  void add(const ClassLanes& lanes, std::size_t pixel, std::span<const float> values);
  [[nodiscard]] LabelMap map() && { return std::move(map_); }

 private:
  void add_row(std::int32_t row, const ClassLanes& lanes, std::span<const float> values);

  std::vector<PatchBlend> rows_;
  PixelPlaces columns_;
  std::size_t line_size_;  ///< values of a row of the smaller image
  LabelMap map_;
  std::vector<float> largest_;  ///< of the classes so far
  std::size_t next_row_ = 0;
  AlignedVector<float> before_;  ///< the smaller image's row before
};

/// Similarities [P, all] of an image's patches to the clusters of several clusterings, and those of them that are
/// meant.
struct PatchSimilarities {
  std::span<const float> values;
  GridSize grid;
  int all = 0;
  int first = 0;
  int clusters = 0;

  /// Those of `count` clusters from `other` on, counted from `first`.
  [[nodiscard]] PatchSimilarities part(int other, int count) const { return {values, grid, all, first + other, count}; }
};

/// The most similar cluster of each pixel, of similarities interpolated between patches; the lowest on ties; -1 for a
/// pixel that no patch shows.
[[nodiscard]] LabelMap most_similar(const PatchSimilarities& similarities, const PatchBlends& blends);

/// Along one side of an image cut into cells: for each cell the lines of patches that its pixels are interpolated from,
/// and the mean weight of each over these pixels.
struct CellBlend {
  std::int32_t first = 0;
  std::vector<float> weights;  ///< of the lines from `first` on; pixels that no patch shows have a share of none
};
[[nodiscard]] std::vector<CellBlend> blend_cells(std::span<const PatchBlend> pixels, int step);

/// The means over cells of the interpolated similarities, for a whole row of cells from `cell` on, as `GiveClasses`
/// writes a group of them.
void give_cells(const PatchSimilarities& similarities, std::span<const CellBlend> rows, std::span<const CellBlend> cols,
                std::size_t cell, std::span<float> values);

/// Similarities to the pixels of whole rows, interpolated, times `scale`, as `GiveClasses` writes a group of them:
/// zeros where no patch shows the pixel.
void give_pixels(const PatchSimilarities& similarities, const PatchBlends& blends, float scale, std::size_t pixel,
                 std::span<float> values);

}  // namespace datus
