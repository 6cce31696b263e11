// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/pixel_classes.hpp"

#include "algo/refine/guided_kernels.hpp"
#include "algo/refine/pixel_checks.hpp"
#include "datus/algo/class_groups.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace datus {

LabelMap largest_classes(std::span<const float> values, int height, int width, int classes) {
  refine_detail::check_sizes(height, width, values.size(), classes);
  LabelMap map(height, width);
  const float* of_pixel = values.data();
  for (std::int32_t& label : map.labels) {
    label = static_cast<std::int32_t>(std::max_element(of_pixel, of_pixel + classes) - of_pixel);
    of_pixel += classes;
  }
  return map;
}

PixelPlaces::PixelPlaces(std::vector<Between> pixels, int places) : pixels_(std::move(pixels)), places_(places) {
  const auto is_place = [&](std::int32_t place) { return 0 <= place && place < places; };
  for (std::size_t pixel = 0; pixel < pixels_.size(); ++pixel) {
    const auto& [before, after, share] = pixels_[pixel];
    if (is_place(before) && is_place(after)) continue;
    throw InputError("Pixel " + std::to_string(pixel) + " lies outside a row of " + std::to_string(places),
                     "it is between " + std::to_string(before) + " and " + std::to_string(after),
                     "Give places of that row.");
  }
}

void keep_largest(const RowBetween& row, const ClassLanes& lanes, std::span<float> largest,
                  std::span<std::int32_t> labels, SimdPath path) {
  const std::vector<Between>& pixels = row.pixels.pixels();
  const auto values = static_cast<std::size_t>(row.pixels.places()) * class_group_size;
  const bool are_lanes = 0 <= lanes.begin && lanes.begin < lanes.end && lanes.end <= class_group_size;
  if (!are_lanes || labels.size() != pixels.size() || largest.size() != pixels.size() || row.above.size() != values ||
      row.below.size() != values) {
    throw InputError("Cannot choose the classes of " + std::to_string(pixels.size()) + " pixels",
                     "they lie between " + std::to_string(row.above.size()) + " and " +
                         std::to_string(row.below.size()) + " values, there are " + std::to_string(labels.size()) +
                         " labels, and the lanes are " + std::to_string(lanes.begin) + " to " +
                         std::to_string(lanes.end),
                     "Give two rows with a group of values for each place.");
  }
  refine_detail::guided_kernel_for(path).keep_largest(row.above.data(), row.below.data(), row.share, pixels.data(),
                                                      std::ssize(pixels), lanes.begin, lanes.end, lanes.first,
                                                      largest.data(), labels.data());
}

}  // namespace datus
