// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>

namespace datus::io_detail {

/// How a row of a PNG is stored: as it is, or as differences from a prediction by bytes before it.
namespace png_filter {
inline constexpr std::uint8_t none = 0;
inline constexpr std::uint8_t sub = 1;      ///< the pixel to the left
inline constexpr std::uint8_t up = 2;       ///< the pixel above
inline constexpr std::uint8_t average = 3;  ///< the mean of both, rounded down
inline constexpr std::uint8_t paeth = 4;    ///< `paeth_prediction`
}  // namespace png_filter

/// Of left, up and up left the one nearest to left + up - up left.
[[nodiscard]] inline std::uint8_t paeth_prediction(int left, int up, int corner) {
  const int to_left = std::abs(up - corner);
  const int to_up = std::abs(left - corner);
  const int to_corner = std::abs(left + up - 2 * corner);
  if (to_left <= to_up && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_up <= to_corner ? up : corner);
}

}  // namespace datus::io_detail
