// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace datus {

static_assert(std::endian::native == std::endian::little,
              "weights are stored in little-endian order and read as they are");

/// The T at `offset`, at any alignment. The caller has checked that it lies inside.
template <class T>
requires std::is_trivially_copyable_v<T>
[[nodiscard]] T load_little_endian(std::span<const std::byte> bytes, std::size_t offset) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

}  // namespace datus
