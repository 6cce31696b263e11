// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/class_groups.hpp"
#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/model/input_geometry.hpp"

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

/// The similarity [P, clusters] of an image's patches to the clusters: the cosine. `compared` [P, dim] are its compared
/// embeddings. Throws `InputError` when the clusters have another width.
[[nodiscard]] std::vector<float> dense_similarities(const DenseClusters& clusters, std::span<const float> compared);

/// Each pixel's class of the largest value, of values that are interpolated between patches; the lowest class on ties;
/// -1 for a pixel that no patch shows. Plain f32 arithmetic, one pixel by itself: the same everywhere. Classes may come
/// some at a time, in ascending order.
class LargestClasses {
 public:
  explicit LargestClasses(PatchBlends blends)
      : blends_(std::move(blends)),
        map_(static_cast<int>(blends_.rows.size()), static_cast<int>(blends_.cols.size()), no_label),
        largest_(map_.labels.size()) {}

  /// Values [P, stride] of the classes first ... first + count - 1 of each patch, which are its first ones.
  void add(std::span<const float> values, GridSize grid, int stride, int first, int count);
  [[nodiscard]] LabelMap map() && { return std::move(map_); }

 private:
  PatchBlends blends_;
  LabelMap map_;
  std::vector<float> largest_;  ///< of the classes so far
};

/// The most similar cluster of each pixel, of similarities [P, clusters]: see `LargestClasses`.
[[nodiscard]] LabelMap most_similar(std::span<const float> similarities, GridSize grid, int clusters,
                                    const PatchBlends& blends);

/// Similarities of some clusters to every pixel, interpolated, times `scale`, as `GiveClasses` writes them: zeros where
/// no patch shows the pixel.
void give_pixels(std::span<const float> similarities, GridSize grid, int clusters, const PatchBlends& blends,
                 float scale, int first, int count, std::span<float> values);

}  // namespace datus
