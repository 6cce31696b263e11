// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace datus {

/// A random order of the numbers 0 .. size - 1 that is computed where it is needed, not stored: any rank knows any part
/// of it.
///
/// A Feistel network over the smallest even number of bits (2 at least) that holds size - 1: a number is cut into
/// halves (L, R), and round r makes of them (R, L ^ f(r, R)), f being the low bits of word 0 of Philox4x32-10 with the
/// counter {R, r, stream, 0}. Six rounds: four make it a random permutation for large sizes (Luby and Rackoff 1988),
/// the rest is for small ones. Numbers outside of the range are mapped again until one is inside ("cycle walking",
/// Black and Rogaway 2002), four times on average at most.
class KeyedPermutation {
 public:
  /// size >= 1. Each `stream` of a key is an order of its own.
  KeyedPermutation(std::int64_t size, std::array<std::uint32_t, 2> key, std::uint32_t stream) noexcept;

  /// The number at a position; both are in [0, size).
  [[nodiscard]] std::int64_t at(std::int64_t position) const noexcept;
  /// The position of a number.
  [[nodiscard]] std::int64_t position_of(std::int64_t number) const noexcept;

 private:
  static constexpr std::uint32_t rounds = 6;

  [[nodiscard]] std::uint64_t scramble(std::uint64_t number) const noexcept;
  [[nodiscard]] std::uint64_t unscramble(std::uint64_t number) const noexcept;
  [[nodiscard]] std::uint64_t round_value(std::uint64_t half, std::uint32_t round) const noexcept;

  std::uint64_t size_;
  std::array<std::uint32_t, 2> key_;
  std::uint32_t stream_;
  /// Bits of a half, at most 32.
  unsigned half_bits_;
  std::uint64_t half_mask_;
};

}  // namespace datus
