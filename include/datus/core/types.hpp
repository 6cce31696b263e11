// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

namespace datus {

/// An index that cannot be mixed up with an index of something else.
template <class Tag>
struct Index {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(const Index&, const Index&) = default;
};

/// Position of an image in the frozen list of the run.
using ImageIndex = Index<struct ImageTag>;
/// Number of a shard: a fixed run of consecutive images of that list.
using ShardIndex = Index<struct ShardTag>;

/// The patch grid of an image. Patch (r, c) has index r * cols + c.
struct GridSize {
  int rows = 0;
  int cols = 0;
  [[nodiscard]] constexpr int patches() const noexcept { return rows * cols; }
  friend constexpr bool operator==(const GridSize&, const GridSize&) = default;
};

/// Converts between integer types; throws `SystemError` naming `what` when the value does not fit, where a cast would
/// silently wrap. Use it at the border to every API that counts in `int`.
template <class To, class From>
requires std::is_integral_v<To> && std::is_integral_v<From>
[[nodiscard]] constexpr To checked_cast(From value, const char* what) {
  const To result = static_cast<To>(value);
  if (static_cast<From>(result) != value || ((result < To{}) != (value < From{}))) {
    throw SystemError(std::string(what) + " is out of range", "value " + std::to_string(value),
                      "Split the work into smaller pieces.");
  }
  return result;
}

}  // namespace datus
