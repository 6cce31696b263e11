// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/boundary.hpp"
#include "datus/core/labels.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// Non-void pixels of one cluster and one class.
struct CellCount {
  std::int32_t cluster = no_label;  ///< -1: unassigned
  std::int32_t label = 0;           ///< the class
  std::int64_t pixels = 0;
  friend bool operator==(const CellCount&, const CellCount&) = default;
};

/// All that evaluation keeps of one image: so little that every image's stays in memory (16 bytes for each pair of a
/// cluster and a class that meet in it, and about 100).
struct ImageCounts {
  std::int64_t image = 0;        ///< its position in the data set, the same on any number of ranks
  std::vector<CellCount> cells;  ///< those with pixels, by cluster, then class
  std::int64_t void_pixels = 0;  ///< whatever their prediction
  std::int32_t clusters = 0;     ///< one more than the largest cluster, also of void pixels
  BoundaryCounts boundary;
};

/// Counts the pixels of one image. `prediction` holds clusters 0 ... clusters-1 or -1 (unassigned), `truth` classes 0
/// ... classes-1 or -1 (void); with 0 clusters or classes any number is one. Throws `InputError` when the sizes differ
/// or a label is none of these; the caller knows the image's name.
[[nodiscard]] ImageCounts count_image(const LabelMap& prediction, const LabelMap& truth, int clusters, int classes);
/// The same; of bytes in half of the time.
[[nodiscard]] ImageCounts count_image(const Labels& prediction, const Labels& truth, int clusters, int classes);

}  // namespace datus
