// SPDX-License-Identifier: Apache-2.0
#include "io/images/sample_depth.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace datus::io_detail {

int significant_bits(std::span<const std::uint16_t> samples, std::optional<int> recorded) {
  constexpr int full = 16;
  constexpr std::array usual = {8, 10, 12, 14, full};
  if (samples.empty()) return full;
  const int needed = std::bit_width(*std::ranges::max_element(samples));
  // PNG wants samples of fewer bits scaled to all 16, and sBIT to tell how many they had. Not every writer scales.
  if (recorded) return *recorded >= 8 && needed <= *recorded ? *recorded : full;
  return *std::ranges::lower_bound(usual, needed);
}

}  // namespace datus::io_detail
