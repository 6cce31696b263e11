// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"

#include <cstdint>

namespace datus {

/// Length of another side when a side of `fitted` pixels is resized to `target`: int(target * side / fitted), as
/// torchvision's Resize, which divides doubles. Whole numbers truncate to the same: a quotient that fits an int and is
/// not whole is too far below the next whole number to be rounded up to it. Throws `SystemError` when it does not fit
/// an int.
[[nodiscard]] constexpr int proportional_side(int target, int side, int fitted) {
  return checked_cast<int>(std::int64_t{target} * side / fitted, "the side of a resized image");
}

/// First pixel of the centred window of `kept` out of `size` pixels: round((size - kept) / 2), halves to even, as
/// torchvision's CenterCrop. Needs kept <= size.
[[nodiscard]] constexpr int centre_offset(int size, int kept) noexcept {
  const int rest = size - kept;
  const int half = rest / 2;
  return rest % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

}  // namespace datus
