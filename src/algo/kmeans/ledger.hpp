#pragma once

#include "algo/kmeans/lloyd.hpp"

#include <cstdint>
#include <vector>

namespace datus::clustering {

/// What one pass found for one pair: of a thread, of a rank, or of all ranks.
///
/// Sums and counts change by the rows that moved only. Integer sums have no order and no rounding, so this gives the
/// same bits as adding up all rows again, and costs next to nothing once few rows move.
struct Tally {
  /// Changes of the sums, counts and squares of the pair's state.
  std::vector<std::int64_t> sums;
  std::vector<std::int64_t> counts;
  std::vector<std::int64_t> squares;
  /// [K], each row's own; empty where a pair's mode is fast.
  std::vector<std::int64_t> inertia;
  std::int64_t moved = 0;
  /// Rows whose inertia is too large for its scale, or not a number.
  std::int64_t unrepresentable = 0;
  /// Rows of this rank that were compared with all centroids because their bounds left a doubt.
  std::int64_t doubtful = 0;

  explicit Tally(const WorkingPair& working);
};

/// Books the rows of one pair as they are assigned, on one thread.
class Ledger {
 public:
  Ledger(const Context& context, WorkingPair& working);

  /// Rows that follow each other, f32 [count, D], with their labels and the scores with those centroids.
  void take(const RowBlock& rows, const std::int32_t* labels, const float* scores);
  /// One of them.
  void take(const float* values, std::int64_t row, std::int32_t label, float score);

  /// The bounds left a doubt about a row's label.
  void doubt() { ++tally_.doubtful; }

  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  void book(const float* values, std::int64_t row, std::int32_t label, float score);
  void move(const float* values, float norm, std::int32_t from, std::int32_t to);

  const Context& context_;
  WorkingPair& working_;
  Tally tally_;
  bool keeps_sums_;
  double sum_scale_;
  double inertia_scale_;
};

}  // namespace datus::clustering
