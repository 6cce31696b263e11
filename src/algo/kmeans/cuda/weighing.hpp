// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/cuda/views.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstdint>

namespace datus::clustering::gpu {

/// Draws that share one reading of the rows.
inline constexpr int points_at_once = 4;

/// A row chosen for each of some draws, by whose distance to the rows their weights are lowered.
struct Points {
  int count = 0;
  /// [count][pitch]: the coordinates, in f64 without a change of value; zeros behind the last.
  const double* values = nullptr;
  /// [count][local rows].
  double* weights[points_at_once] = {};
  /// Whether the weights are not set yet: this is the first row of its draw.
  bool is_first[points_at_once] = {};
};

/// weights[p][i] = the smaller of it and the squared distance of row i to point p, by the chain of k-means++.
void lower_weights(const Slab& slab, const Points& points, const cuda::Stream& stream);

/// One round of one draw.
struct Race {
  /// [rows]; null where each is 1.
  const double* weights;
  std::int64_t rows;
  /// Global number of the first local row.
  std::uint64_t first_row;
  std::uint32_t key[2];
  std::uint32_t round;
};

/// A `Ticket`.
struct RaceTicket {
  std::uint64_t key;
  std::uint64_t row;
};

/// How many tickets a race among so many rows leaves to compare.
[[nodiscard]] constexpr int race_tickets(std::int64_t rows) noexcept {
  constexpr std::int64_t rows_of_block = 256;
  constexpr std::int64_t most = 512;
  const std::int64_t blocks = (rows + rows_of_block - 1) / rows_of_block;
  return static_cast<int>(blocks < most ? blocks : most);
}

/// The lowest tickets of parts of the rows, race_tickets(rows) of them, that nobody holds where no row can win.
void race(const Race& race, RaceTicket* lowest, const cuda::Stream& stream);

}  // namespace datus::clustering::gpu
