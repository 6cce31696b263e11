// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/draw.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// One round of one draw of k-means++.
struct WeighedRound {
  /// The draw's number.
  std::size_t draw = 0;
  DrawKey key{};
  /// The rows chosen so far, [round, D]; the weights know of the first `weighed` of them.
  std::span<const double> chosen;
  std::int64_t weighed = 0;
  std::uint32_t round = 0;
};

/// For each of some draws the squared distance of every local row to the nearest chosen row (1 before there is one), as
/// k-means++ in `kmeans` defines it.
class RowWeights {
 public:
  RowWeights() = default;
  RowWeights(const RowWeights&) = delete;
  RowWeights& operator=(const RowWeights&) = delete;
  RowWeights(RowWeights&&) = delete;
  RowWeights& operator=(RowWeights&&) = delete;
  virtual ~RowWeights() = default;

  /// One pass over the local rows: the lowest ticket of each round, that nobody holds where all weights are 0.
  [[nodiscard]] virtual std::vector<Ticket> lowest_tickets(std::span<const WeighedRound> rounds) = 0;
  /// This draw has all its rows.
  virtual void forget(std::size_t draw) = 0;
};

}  // namespace datus::clustering
