// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// How far each centroid moved in an update.
struct Drift {
  /// [K], each at least the distance.
  std::vector<float> distances;
  /// The largest of them, whose it is, and the largest of the others.
  float largest = 0.0F;
  std::int32_t farthest = -1;
  float second = 0.0F;

  /// The largest drift of all centroids but `label`.
  [[nodiscard]] float of_others(std::int32_t label) const { return label == farthest ? second : largest; }
};

/// From centroids [K, D] to others.
[[nodiscard]] Drift drift_between(std::span<const double> from, std::span<const double> to, int clusters);

/// For every local row an upper bound on the distance to its centroid and a lower bound on that to all others (Hamerly
/// 2010), in real arithmetic. Where they are so far apart that no rounding can make another centroid win, the row needs
/// no search: the label that a search would give is the one it has.
class RowBounds {
 public:
  RowBounds() = default;
  /// Nothing known of any row yet.
  explicit RowBounds(std::int64_t rows);

  [[nodiscard]] bool empty() const { return lower_.empty(); }
  /// The centroids have moved: bounds of the rows [begin, end), which are assigned to `labels` (of all local rows).
  void follow(const Drift& drift, std::span<const std::int32_t> labels, std::int64_t begin, std::int64_t end);
  /// Whether the label of a row may have changed.
  [[nodiscard]] bool may_change(std::int64_t row) const {
    const auto i = static_cast<std::size_t>(row);
    // Both are wider than the truth by more than what distances in f64 are rounded by. Written so that bounds that are
    // not numbers do not hold.
    return !(lower_[i] > upper_[i]);
  }
  /// What a search found: the two smallest squared distances, to within `error`.
  void learn(std::int64_t row, double lowest, double second, double error);

 private:
  std::vector<float> upper_;
  std::vector<float> lower_;
};

}  // namespace datus::clustering
