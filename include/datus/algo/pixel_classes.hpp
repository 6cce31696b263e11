// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/between.hpp"
#include "datus/core/image.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <span>
#include <vector>

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

/// Where the pixels of a row lie among the places of another one.
class PixelPlaces {
 public:
  /// Throws `InputError` for a pixel between places that are not 0 ... places - 1.
  PixelPlaces(std::vector<Between> pixels, int places);
  [[nodiscard]] const std::vector<Between>& pixels() const { return pixels_; }
  [[nodiscard]] int places() const { return places_; }

 private:
  std::vector<Between> pixels_;
  int places_;
};

/// A row of pixels among those of a smaller image: it has `share` of the row `below` and the rest of the row `above`,
/// both [places][class_group_size] at a cache line.
struct RowBetween {
  const PixelPlaces& pixels;
  std::span<const float> above;
  std::span<const float> below;
  float share = 0;
};

/// One group of classes more: the class lane + lanes.first of the largest interpolated value of each pixel, the lowest
/// on ties, becomes its label where that value is larger than `largest` [pixels], which follows it. Values without NaN
/// in these lanes; labels [pixels]. Groups come by ascending classes; before the first of them `largest` is -infinity,
/// or more where no class is to win. Products and sums are rounded each: the same bits on every path.
/// Throws `InputError` when the sizes do not agree.
void keep_largest(const RowBetween& row, const ClassLanes& lanes, std::span<float> largest,
                  std::span<std::int32_t> labels, SimdPath path = best_simd_path());

}  // namespace datus
