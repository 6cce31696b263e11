// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace datus {

/// A rectangle of patches on the patch grid: `rows` x `cols` patches from patch (row, col) on. Stored as /box [s,4]
/// i16.
struct PatchBox {
  std::int16_t row = 0;
  std::int16_t col = 0;
  std::int16_t rows = 0;
  std::int16_t cols = 0;
  friend constexpr bool operator==(const PatchBox&, const PatchBox&) = default;
};

}  // namespace datus
