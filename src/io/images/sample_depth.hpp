// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace datus::io_detail {

/// How many low bits of 16-bit samples hold their values: 16, or fewer for those of a camera, a microscope or a
/// thermal sensor that were stored as they came, and whose high bytes would make a black picture. `recorded` is the
/// depth that the file says: it is believed when no value is larger; without one, the smallest of 8, 10, 12, 14 and 16
/// bits that holds the largest value.
[[nodiscard]] int significant_bits(std::span<const std::uint16_t> samples, std::optional<int> recorded);

/// The highest eight of the low `bits` (8 to 16) of a sample.
[[nodiscard]] inline std::uint8_t to_byte(std::uint16_t sample, int bits) noexcept {
  return static_cast<std::uint8_t>(sample >> static_cast<unsigned>(bits - 8));
}

}  // namespace datus::io_detail
