#include "algo/kmeans/search.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace datus::clustering {
namespace {

/// An upper bound on the length of a vector, from |v|^2 as a chain gives it.
double length_of(float squared_norm) {
  return 1.01 * std::sqrt(static_cast<double>(squared_norm)) + 1e-20;
}

}  // namespace

SearchTarget::SearchTarget(const Context& context, WorkingPair& working, bool previous)
    : context_(context),
      working_(working),
      packed_(previous ? working.pair->previous : working.pair->centroids, working.pair->clusters, context.rows.dim(),
              context.kernels),
      plain_((previous ? working.pair->previous : working.pair->centroids).data()),
      use_(previous ? BoundsUse::none : working.bounds_use()) {
  if (use_ == BoundsUse::none) return;
  const float* const norms = packed_.view().norms;
  error_ = score_error(context.rows.dim(), length_of(context.summary.largest_squared_norm),
                       length_of(*std::max_element(norms, norms + working.pair->clusters)));
}

bool SearchTarget::prepare(std::int64_t begin, std::int64_t count) const {
  if (use_ != BoundsUse::rely) return true;
  if (!working_.drift.distances.empty()) {
    working_.bounds.follow(working_.drift, working_.assignment, begin, begin + count);
  }
  // Each row's own inertia is wanted in every pass.
  if (working_.squares.empty()) return true;
  for (std::int64_t row = begin; row < begin + count; ++row) {
    if (working_.bounds.may_change(row, error_)) return true;
  }
  return false;
}

Search::Search(const Context& context, WorkingPair& working, const SearchTarget& target, Ledger& ledger)
    : context_(context), working_(working), target_(target), ledger_(ledger), dim_(context.rows.dim()) {}

void Search::assign(const RowBlock& strip) {
  if (target_.bounds_use() != BoundsUse::rely) {
    compare_with_all(strip);
  } else if (working_.squares.empty()) {
    compare_with_own(strip);
  } else {
    look_at_doubtful(strip);
  }
}

void Search::finish() {
  if (waiting_rows_.empty()) return;
  compare_with_all(waiting_.data(), waiting_rows_.data(), std::ssize(waiting_rows_));
  waiting_.clear();
  waiting_rows_.clear();
}

void Search::compare_with_all(const RowBlock& strip) {
  if (target_.bounds_use() != BoundsUse::none) {
    std::int64_t rows[strip_rows];
    std::iota(rows, rows + strip.count, strip.first);
    compare_with_all(strip.values, rows, strip.count);
    return;
  }
  std::int32_t labels[strip_rows];
  float scores[strip_rows];
  context_.kernels.nearest(strip.values, strip.count, target_.centroids(), labels, scores);
  ledger_.take(strip, labels, scores);
}

void Search::compare_with_all(const float* values, const std::int64_t* rows, std::int64_t count) {
  std::int32_t labels[strip_rows];
  float scores[strip_rows];
  float seconds[strip_rows];
  context_.kernels.nearest_two(values, count, target_.centroids(), labels, scores, seconds);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto norm = static_cast<double>(context_.summary.squared_norms[static_cast<std::size_t>(rows[i])]);
    working_.bounds.learn(rows[i], norm + static_cast<double>(scores[i]), norm + static_cast<double>(seconds[i]),
                          target_.error());
    ledger_.take(values + i * dim_, rows[i], labels[i], scores[i]);
  }
}

void Search::compare_with_own(const RowBlock& strip) {
  const std::int32_t* const labels = working_.assignment.data() + strip.first;
  float scores[strip_rows];
  context_.kernels.own_scores(strip.values, strip.count, static_cast<int>(dim_), target_.plain_centroids(),
                              target_.centroids().norms, labels, scores);
  for (std::int64_t i = 0; i < strip.count; ++i) {
    const std::int64_t row = strip.first + i;
    const auto norm = static_cast<double>(context_.summary.squared_norms[static_cast<std::size_t>(row)]);
    const double squared_distance = norm + static_cast<double>(scores[i]);
    if (working_.bounds.may_change_from(row, squared_distance, target_.error())) {
      wait(strip.values + i * dim_, row);
    } else {
      ledger_.take(strip.values + i * dim_, row, labels[i], scores[i]);
    }
  }
}

void Search::look_at_doubtful(const RowBlock& strip) {
  std::int64_t doubtful[strip_rows];
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < strip.count; ++i) {
    if (working_.bounds.may_change(strip.first + i, target_.error())) doubtful[count++] = i;
  }
  if (count == strip.count) {
    compare_with_all(strip);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) wait(strip.values + doubtful[i] * dim_, strip.first + doubtful[i]);
}

void Search::wait(const float* values, std::int64_t row) {
  waiting_.insert(waiting_.end(), values, values + dim_);
  waiting_rows_.push_back(row);
  ledger_.doubt();
  if (std::ssize(waiting_rows_) == strip_rows) finish();
}

}  // namespace datus::clustering
