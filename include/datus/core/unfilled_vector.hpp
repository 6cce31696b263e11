// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/aligned_memory.hpp"

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace datus {

/// Aligned memory whose new values are left as they are.
template <class T>
requires std::is_trivially_copyable_v<T>
struct UnfilledAllocator : CacheLineAllocator<T> {
  UnfilledAllocator() = default;
  template <class Other>
  UnfilledAllocator(const UnfilledAllocator<Other>& /*other*/) noexcept {}

  template <class Value>
  void construct(Value* /*value*/) noexcept {}
  template <class Value, class... Arguments>
  void construct(Value* value, Arguments&&... arguments) {
    std::construct_at(value, std::forward<Arguments>(arguments)...);
  }
};

/// A vector that does not write zeros to what `resize` adds, but leaves that to whoever writes the values, on as many
/// threads as there are: for tens of MiB the zeros take as long as the values.
template <class T>
using UnfilledVector = std::vector<T, UnfilledAllocator<T>>;

}  // namespace datus
