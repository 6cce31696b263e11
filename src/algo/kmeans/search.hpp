#pragma once

#include "algo/kmeans/ledger.hpp"
#include "algo/kmeans/lloyd.hpp"
#include "algo/kmeans/packed_centroids.hpp"

#include <cstdint>
#include <vector>

namespace datus::clustering {

/// The centroids of a pair, packed, and what is known of the rows' distances to them. For all threads of a pass.
class SearchTarget {
 public:
  SearchTarget(const Context& context, WorkingPair& working, bool previous);

  /// Brings the bounds of local rows [begin, begin + count) up to date. Returns whether a pass must look at one of
  /// them.
  [[nodiscard]] bool prepare(std::int64_t begin, std::int64_t count) const;

  [[nodiscard]] PackedView centroids() const { return packed_.view(); }
  /// [K, D]
  [[nodiscard]] const float* plain_centroids() const { return plain_; }
  /// Of the computed scores, where bounds are used.
  [[nodiscard]] double error() const { return error_; }
  [[nodiscard]] BoundsUse bounds_use() const { return use_; }

 private:
  const Context& context_;
  WorkingPair& working_;
  PackedCentroids packed_;
  const float* plain_;
  double error_ = 0.0;
  BoundsUse use_;
};

/// Finds the labels of one pair's rows, on one thread: by comparing with all centroids, or only where the bounds leave
/// a doubt. The labels are the same.
class Search {
 public:
  Search(const Context& context, WorkingPair& working, const SearchTarget& target, Ledger& ledger);

  /// Up to `strip_rows` rows. Those that need a comparison with all centroids may wait until there are enough of them.
  void assign(const RowBlock& strip);
  /// The last waiting rows.
  void finish();

 private:
  void compare_with_all(const RowBlock& strip);
  void compare_with_all(const float* values, const std::int64_t* rows, std::int64_t count);
  void compare_with_own(const RowBlock& strip);
  void look_at_doubtful(const RowBlock& strip);
  void wait(const float* values, std::int64_t row);

  const Context& context_;
  WorkingPair& working_;
  const SearchTarget& target_;
  Ledger& ledger_;
  std::int64_t dim_;
  /// Copies of rows that wait, and their numbers.
  std::vector<float> waiting_;
  std::vector<std::int64_t> waiting_rows_;
};

}  // namespace datus::clustering
