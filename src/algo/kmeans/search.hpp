// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/ledger.hpp"
#include "algo/kmeans/lloyd.hpp"
#include "algo/kmeans/nearest_search.hpp"
#include "algo/kmeans/search_centroids.hpp"

#include <cstdint>
#include <vector>

namespace datus::clustering {

/// The centroids of a pair, and what is known of the rows' distances to them. For all threads of a pass.
class SearchTarget {
 public:
  SearchTarget(const Context& context, WorkingPair& working, bool previous);

  /// Brings the bounds of local rows [begin, begin + count) up to date. Returns whether a pass must look at one of
  /// them.
  [[nodiscard]] bool prepare(std::int64_t begin, std::int64_t count) const;

  [[nodiscard]] const SearchCentroids& centroids() const { return centroids_; }
  [[nodiscard]] bool uses_bounds() const { return uses_bounds_; }

 private:
  WorkingPair& working_;
  SearchCentroids centroids_;
  bool uses_bounds_;
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
  /// rows, norms: the rows' local numbers and |x|^2.
  void compare_with_all(const RowBlock& strip, const std::int64_t* rows, const double* norms);
  void compare_with_all(const RowBlock& strip);
  void wait(const RowBlock& strip, std::int64_t i);

  const Context& context_;
  WorkingPair& working_;
  const SearchTarget& target_;
  Ledger& ledger_;
  NearestSearch search_;
  NearestRows found_;
  int dim_;
  /// Copies of rows that wait, their numbers and |x|^2.
  std::vector<float> waiting_;
  std::vector<double> waiting_precise_;
  std::vector<std::int64_t> waiting_rows_;
  std::vector<double> waiting_norms_;
};

}  // namespace datus::clustering
