// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/pixel_classes.hpp"

#include "algo/refine/pixel_checks.hpp"

#include <algorithm>

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

}  // namespace datus
