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
[[nodiscard]] Drift drift_between(std::span<const float> from, std::span<const float> to, int clusters);

/// By how much a computed score, |x|^2 + score included, may be wrong, for rows and centroids of at most these lengths:
/// the rounding of a chain of D fused multiply-adds (Higham 2002, section 3.1). Infinite where nothing can be said.
[[nodiscard]] double score_error(int dim, double longest_row, double longest_centroid);

/// For every local row an upper bound on the distance to its centroid and a lower bound on that to all others (Hamerly
/// 2010), in real arithmetic. Where they are so far apart that no rounding of the scores can make another centroid
/// win, the row needs no search: the label that a search would give, to the bit, is the one it has.
class RowBounds {
 public:
  RowBounds() = default;
  /// Nothing known of any row yet. `keep_upper`: false where the caller computes each row's distance to its centroid
  /// anew in each pass.
  RowBounds(std::int64_t rows, bool keep_upper);

  [[nodiscard]] bool empty() const { return lower_.empty(); }
  /// The centroids have moved: bounds of the rows [begin, end), which are assigned to `labels` (of all local rows).
  void follow(const Drift& drift, std::span<const std::int32_t> labels, std::int64_t begin, std::int64_t end);
  /// Whether the label of a row may have changed. `error`: `score_error` for the centroids of now.
  [[nodiscard]] bool may_change(std::int64_t row, double error) const {
    return may_change(row, upper_[static_cast<std::size_t>(row)], error);
  }
  /// The same with the squared distance to the row's centroid as it was computed.
  [[nodiscard]] bool may_change_from(std::int64_t row, double squared_distance, double error) const;
  /// What a search found, as it was computed: the two smallest squared distances.
  void learn(std::int64_t row, double lowest, double second, double error);

 private:
  [[nodiscard]] bool may_change(std::int64_t row, float upper, double error) const;

  std::vector<float> upper_;
  std::vector<float> lower_;
};

enum class BoundsUse {
  none,
  /// Every row is compared with all centroids, and the bounds learn from it.
  learn,
  /// Rows that provably keep their label are not compared with all centroids.
  rely,
};

/// Whether bounds pay, where every row must be read and compared with its own centroid in any case: tried after 8, 16,
/// ... passes, once few rows move, and kept up as long as few enough rows are in doubt. Early, when centroids move far,
/// they never pay; with clusters that run into each other they never do. Nothing but time depends on it, so ranks
/// decide for themselves.
class BoundsTrial {
 public:
  explicit BoundsTrial(int clusters);

  /// In the next pass.
  [[nodiscard]] BoundsUse use() const { return use_; }
  /// After a pass in which `moved` of `rows` rows got another label, and which compared `doubtful` with all centroids
  /// because of a doubt.
  void pass_done(std::int64_t moved, std::int64_t doubtful, std::int64_t rows);

 private:
  BoundsUse use_ = BoundsUse::none;
  std::int64_t passes_ = 0;
  std::int64_t next_trial_ = 8;
  /// The share of rows in doubt from which on a pass would take longer than one without bounds.
  double break_even_;
};

}  // namespace datus::clustering
