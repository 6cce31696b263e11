// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

namespace datus {

/// Signed integer as wide as the floating-point type T.
template <std::floating_point T>
using OrderedKey = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// Maps floating-point values (no NaN) to integers in the same order, with -0 below +0: without
/// that the sign of a zero minimum would depend on which rank came first. Its own inverse, on the
/// bits.
template <std::signed_integral Key>
[[nodiscard]] constexpr Key swap_order(Key bits) noexcept {
  return bits >= 0 ? bits : bits ^ std::numeric_limits<Key>::max();
}
template <std::floating_point T>
[[nodiscard]] constexpr OrderedKey<T> to_ordered_key(T value) noexcept {
  return swap_order(std::bit_cast<OrderedKey<T>>(value));
}
template <std::floating_point T>
[[nodiscard]] constexpr T from_ordered_key(OrderedKey<T> key) noexcept {
  return std::bit_cast<T>(swap_order(key));
}

/// Throws `Error` where a reduction of floating-point values has no result that is independent of
/// the ranks' order: any sum, and any NaN.
template <std::floating_point T>
void require_reducible(std::span<const T> values, ReduceOp op) {
  if (op == ReduceOp::sum) {
    throw Error(ExitCode::failure, "a sum of floating-point values over the ranks is refused",
                "its rounding would depend on the order of the ranks", "Sum in int64 fixed point instead.");
  }
  for (const T value : values) {
    if (std::isnan(value)) {
      throw Error(ExitCode::failure, "a NaN was given to a minimum or maximum over the ranks",
                  "it has no place in any order", "Check that the values are finite before they are reduced.");
    }
  }
}

/// a op b. Integer sums wrap.
template <class T>
[[nodiscard]] constexpr T combine(ReduceOp op, T a, T b) noexcept {
  if constexpr (std::floating_point<T>) {
    return from_ordered_key<T>(combine(op, to_ordered_key(a), to_ordered_key(b)));
  } else {
    if (op == ReduceOp::min) return b < a ? b : a;
    if (op == ReduceOp::max) return a < b ? b : a;
    using Wrapping = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Wrapping>(a) + static_cast<Wrapping>(b));
  }
}

/// "sum", "min" or "max".
[[nodiscard]] constexpr const char* name_of(ReduceOp op) noexcept {
  switch (op) {
    case ReduceOp::sum:
      return "sum";
    case ReduceOp::min:
      return "min";
    case ReduceOp::max:
      return "max";
  }
  return "unknown";
}

/// Throws `Error` unless `root` is a rank of the communicator.
void require_valid_root(const Communicator& comm, int root);

/// Throws `Error` for a group that ranks cannot be split into.
void require_valid_group(int group);

}  // namespace datus
