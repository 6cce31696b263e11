// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/summary.hpp"
#include "datus/algo/kmeans_state.hpp"
#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

inline constexpr std::size_t inertia_parts = 3;

/// Integers of one pair's rows by cluster: of a thread, of a rank, or of all ranks. Integer sums have no order and no
/// rounding.
struct Tally {
  /// [K, D], and in a precise pair the rests [K, D] behind them.
  std::vector<std::int64_t> sums;
  /// [K].
  std::vector<std::int64_t> counts;
  /// [K], of |x|^2; empty in a precise pair.
  std::vector<std::int64_t> squares;
  /// [inertia_parts, K], of the rows' own inertia: in units of its scale, the rest, and the rest of that; empty unless
  /// the pair is precise. Squares span twice as many powers of two as coordinates do.
  std::vector<std::int64_t> inertia;
  /// Rows that got another label.
  std::int64_t moved = 0;
  /// Rows whose inertia is too large for its scale, or not a number.
  std::int64_t unrepresentable = 0;

  /// Nothing yet.
  Tally(const KMeansPair& pair, int dim);
  void add(const Tally& other);
};

/// COLLECTIVE. Adds up the tallies of all ranks. Returns on how many ranks a stop was requested.
std::int64_t reduce(std::span<Tally> tallies, bool stop_requested, Communicator& comm);

/// [K]: the inertia of each cluster to the pair's centroids: of its rows, or from the totals.
[[nodiscard]] std::vector<double> inertia_of_clusters(const KMeansPair& pair, const Tally& tally,
                                                      const FixedPointScales& scales, const Kernels& kernels);

}  // namespace datus::clustering
