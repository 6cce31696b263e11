// SPDX-License-Identifier: Apache-2.0
#include "datus/model/evaluation_crop.hpp"

#include "model/pixels/centre_crop.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace datus {
namespace {

/// For each pixel of a side of the crop the pixel of the map, which has `pixels` on it and `shorter` on its shorter
/// side.
std::vector<std::size_t> nearest_pixels(int pixels, int shorter) {
  const int resized = proportional_side(evaluation_crop_side, pixels, shorter);
  const int offset = centre_offset(resized, evaluation_crop_side);
  const double scale = static_cast<double>(pixels) / resized;
  std::vector<std::size_t> nearest;
  double position = scale * 0.5;  // added up, not multiplied: where it meets a whole number, the sum's rounding decides
  for (int x = 0; x < offset + evaluation_crop_side; ++x) {
    if (x >= offset) nearest.push_back(static_cast<std::size_t>(position));
    position += scale;
  }
  return nearest;
}

}  // namespace

LabelMap evaluation_crop(const LabelMap& map) {
  if (map.labels.empty()) return map;
  const int shorter = std::min(map.height, map.width);
  const auto rows = nearest_pixels(map.height, shorter);
  const auto cols = nearest_pixels(map.width, shorter);
  LabelMap crop(evaluation_crop_side, evaluation_crop_side);
  auto to = crop.labels.begin();
  for (const std::size_t row : rows) {
    const std::size_t line = row * static_cast<std::size_t>(map.width);
    for (const std::size_t col : cols) *to++ = map.labels[line + col];
  }
  return crop;
}

}  // namespace datus
