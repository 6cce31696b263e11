// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/keyed_permutation.hpp"

#include "datus/core/philox.hpp"

#include <algorithm>
#include <bit>

namespace datus {

KeyedPermutation::KeyedPermutation(std::int64_t size, std::array<std::uint32_t, 2> key, std::uint32_t stream) noexcept
    : size_(static_cast<std::uint64_t>(size)),
      key_(key),
      stream_(stream),
      half_bits_(std::max(1U, (static_cast<unsigned>(std::bit_width(size_ - 1)) + 1) / 2)),
      half_mask_((std::uint64_t{1} << half_bits_) - 1) {}

std::int64_t KeyedPermutation::at(std::int64_t position) const noexcept {
  auto number = static_cast<std::uint64_t>(position);
  // A permutation of the wider range leads back into [0, size) at the latest when it returns to its start.
  do number = scramble(number);
  while (number >= size_);
  return static_cast<std::int64_t>(number);
}

std::int64_t KeyedPermutation::position_of(std::int64_t number) const noexcept {
  auto position = static_cast<std::uint64_t>(number);
  do position = unscramble(position);
  while (position >= size_);
  return static_cast<std::int64_t>(position);
}

std::uint64_t KeyedPermutation::scramble(std::uint64_t number) const noexcept {
  std::uint64_t left = number >> half_bits_;
  std::uint64_t right = number & half_mask_;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const std::uint64_t next = left ^ round_value(right, round);
    left = right;
    right = next;
  }
  return (left << half_bits_) | right;
}

std::uint64_t KeyedPermutation::unscramble(std::uint64_t number) const noexcept {
  std::uint64_t left = number >> half_bits_;
  std::uint64_t right = number & half_mask_;
  for (std::uint32_t round = rounds; round-- > 0;) {
    const std::uint64_t previous = right ^ round_value(left, round);
    right = left;
    left = previous;
  }
  return (left << half_bits_) | right;
}

std::uint64_t KeyedPermutation::round_value(std::uint64_t half, std::uint32_t round) const noexcept {
  return philox({static_cast<std::uint32_t>(half), round, stream_, 0}, key_)[0] & half_mask_;
}

}  // namespace datus
