// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <span>

namespace datus {

/// The class of the largest value of each pixel, the lowest on ties. values: [height * width][classes], row-major,
/// without NaN. Throws `InputError` when the sizes do not agree.
[[nodiscard]] LabelMap largest_classes(std::span<const float> values, int height, int width, int classes);

/// Lanes of a group of classes (class_groups.hpp) that belong to one clustering.
struct ClassLanes {
  int begin = 0;
  int end = 0;    ///< at most class_group_size
  int first = 0;  ///< the class of lane 0, below 0 where another clustering's classes are in front

  friend bool operator==(const ClassLanes&, const ClassLanes&) = default;
};

/// One group of classes more: the class lane + lanes.first of the largest value of each pixel, the lowest on ties,
/// becomes its label where that value is larger than `largest` [pixels], which follows it. values:
/// [pixels][class_group_size] at a cache line, without NaN in these lanes; labels [pixels]. Groups come by ascending
/// classes; before the first of them `largest` is -infinity, or more where no class is to win.
void keep_largest(std::span<const float> values, const ClassLanes& lanes, std::span<float> largest,
                  std::span<std::int32_t> labels, SimdPath path = best_simd_path());

}  // namespace datus
