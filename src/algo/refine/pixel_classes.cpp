// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/pixel_classes.hpp"

#include "algo/refine/guided_kernels.hpp"
#include "algo/refine/pixel_checks.hpp"
#include "datus/algo/class_groups.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <string>

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

void keep_largest(std::span<const float> values, const ClassLanes& lanes, std::span<float> largest,
                  std::span<std::int32_t> labels, SimdPath path) {
  const std::size_t pixels = largest.size();
  const bool are_lanes = 0 <= lanes.begin && lanes.begin < lanes.end && lanes.end <= class_group_size;
  if (!are_lanes || labels.size() != pixels || values.size() != pixels * class_group_size) {
    throw InputError("Cannot choose the classes of " + std::to_string(pixels) + " pixels",
                     "there are " + std::to_string(values.size()) + " values and " + std::to_string(labels.size()) +
                         " labels, and the lanes are " + std::to_string(lanes.begin) + " to " +
                         std::to_string(lanes.end),
                     "Give a line of values for each pixel.");
  }
  refine_detail::guided_kernel_for(path).keep_largest(values.data(), static_cast<std::int64_t>(pixels), lanes.begin,
                                                      lanes.end, lanes.first, largest.data(), labels.data());
}

}  // namespace datus
