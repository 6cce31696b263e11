// SPDX-License-Identifier: Apache-2.0
#include "datus/core/labels.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace datus {

LabelMap widened(Labels labels) {
  if (auto* wide = std::get_if<LabelMap>(&labels)) return std::move(*wide);
  const auto& bytes = std::get<ByteLabelMap>(labels);
  LabelMap map(bytes.height, bytes.width);
  std::ranges::transform(bytes.labels, map.labels.begin(), [](std::uint8_t label) {
    return label == std::numeric_limits<std::uint8_t>::max() ? no_label : std::int32_t{label};
  });
  return map;
}

}  // namespace datus
