// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/lloyd.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace datus::clustering {

using DrawKey = std::array<std::uint32_t, 2>;

/// A row that takes part in a draw; the lowest one wins.
struct Ticket {
  /// The key: random bits, or a number >= 0 as the bit pattern of a double, which is ordered as the number.
  std::uint64_t key = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t row = std::numeric_limits<std::uint64_t>::max();
  friend auto operator<=>(const Ticket&, const Ticket&) = default;
};

/// The row of a ticket that nobody holds.
inline constexpr std::uint64_t nobody = Ticket{}.row;

/// Whether the time -log(u) / rate of an exponential race can be below `lowest`. As -log(u) >= 1 - u, most tickets
/// cannot win and need no logarithm; the margin is far above the rounding of both sides.
[[nodiscard]] inline bool can_win(double u, double rate, double lowest) noexcept {
  constexpr double margin = 1.0 - 0x1p-40;
  return (1.0 - u) * margin <= lowest * rate;
}

/// COLLECTIVE. The values of the given global rows, [rows, D], on all ranks: each is added up from one rank that has it
/// and zeros.
[[nodiscard]] std::vector<double> fetch_rows(const Context& context, const std::vector<std::uint64_t>& rows);

/// COLLECTIVE. The `count` rows with the smallest `kmeans_draw(key, row, 0)` in that order, the lower row on ties; all
/// of them where there are fewer.
[[nodiscard]] std::vector<std::uint64_t> draw_rows(const Context& context, DrawKey key, std::size_t count);

}  // namespace datus::clustering
