// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <cstdint>
#include <variant>
#include <vector>

namespace datus {

/// A label map, [height, width], row-major, of labels 0 ... 254 alone; 255 stands for `no_label`.
struct ByteLabelMap {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> labels;
};

/// As narrow as the labels are: to look at all pixels costs what their memory costs.
using Labels = std::variant<ByteLabelMap, LabelMap>;

/// The same labels in 32 bits.
[[nodiscard]] LabelMap widened(Labels labels);

}  // namespace datus
