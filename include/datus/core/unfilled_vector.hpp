// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/aligned_memory.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace datus {

/// Aligned memory whose new values are left as they are.
template <class T>
requires std::is_trivially_copyable_v<T>
struct UnfilledAllocator {
  using value_type = T;

  UnfilledAllocator() = default;
  template <class Other>
  UnfilledAllocator(const UnfilledAllocator<Other>& /*other*/) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(allocate_aligned(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept { free_aligned(memory, count * sizeof(T)); }
  template <class Value>
  void construct(Value* /*value*/) noexcept {}
  template <class Value, class... Arguments>
  void construct(Value* value, Arguments&&... arguments) {
    std::construct_at(value, std::forward<Arguments>(arguments)...);
  }
  friend bool operator==(const UnfilledAllocator&, const UnfilledAllocator&) { return true; }
};

/// A vector that does not write zeros to what `resize` adds, but leaves that to whoever writes the values, on as many
/// threads as there are: for tens of MiB the zeros take as long as the values.
template <class T>
using UnfilledVector = std::vector<T, UnfilledAllocator<T>>;

}  // namespace datus
