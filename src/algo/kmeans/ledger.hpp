// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/lloyd.hpp"
#include "algo/kmeans/tally.hpp"

#include <cstdint>
#include <vector>

namespace datus::clustering {

/// Books the rows of one pair, on one thread.
class Booking {
 public:
  Booking(const Context& context, const KMeansPair& pair);

  /// Row `i` of a block, which is local row `row`, joins a cluster, or leaves it.
  void join(const RowBlock& rows, std::int64_t i, std::int64_t row, std::int32_t cluster) {
    change<1>(rows, i, row, cluster);
  }
  void leave(const RowBlock& rows, std::int64_t i, std::int64_t row, std::int32_t cluster) {
    change<-1>(rows, i, row, cluster);
  }
  /// A row's squared distance to its centroid, in a precise pair.
  void add_inertia(std::int32_t cluster, double distance);
  void add_moved() { ++tally_.moved; }

  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  template <int sign>
  void change(const RowBlock& rows, std::int64_t i, std::int64_t row, std::int32_t cluster);

  const Context& context_;
  bool precise_;
  Tally tally_;
  double sum_scale_;
  double inertia_scale_;
  double rest_scale_;
  /// [D]: what a row's sums leave over.
  std::vector<double> rest_;
};

/// Books the rows of one pair as they are assigned, on one thread: sums and counts change by the rows that moved only.
/// This gives the same bits as adding up all rows again, and costs next to nothing once few rows move.
class Ledger {
 public:
  Ledger(const Context& context, WorkingPair& working) : working_(working), booking_(context, *working.pair) {}

  /// Row `i` of a block, which is local row `row`, gets a label. `distance`: the square of its distance to that
  /// centroid, where the pair is precise.
  void take(const RowBlock& rows, std::int64_t i, std::int64_t row, std::int32_t label, double distance);

  [[nodiscard]] const Tally& tally() const { return booking_.tally(); }

 private:
  WorkingPair& working_;
  Booking booking_;
};

}  // namespace datus::clustering
