// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/search.hpp"

#include "algo/kmeans/blocks.hpp"

#include <algorithm>
#include <numeric>

namespace datus::clustering {

SearchTarget::SearchTarget(const Context& context, WorkingPair& working, bool previous)
    : working_(working),
      centroids_(previous ? working.pair->previous : working.pair->centroids, working.pair->clusters,
                 context.rows.dim()),
      uses_bounds_(!previous && !working.bounds.empty()) {}

bool SearchTarget::prepare(std::int64_t begin, std::int64_t count) const {
  if (!uses_bounds_) return true;
  if (!working_.drift.distances.empty()) {
    working_.bounds.follow(working_.drift, working_.assignment, begin, begin + count);
  }
  for (std::int64_t row = begin; row < begin + count; ++row) {
    if (working_.bounds.may_change(row)) return true;
  }
  return false;
}

Search::Search(const Context& context, WorkingPair& working, const SearchTarget& target, Ledger& ledger)
    : context_(context),
      working_(working),
      target_(target),
      ledger_(ledger),
      search_(target.centroids(), context.kernels),
      dim_(context.rows.dim()) {}

void Search::assign(const RowBlock& strip) {
  if (!target_.uses_bounds()) {
    compare_with_all(strip);
    return;
  }
  std::int64_t doubtful[strip_rows];
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < strip.count; ++i) {
    if (working_.bounds.may_change(strip.first + i)) doubtful[count++] = i;
  }
  if (count == strip.count) {
    compare_with_all(strip);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) wait(strip, doubtful[i]);
}

void Search::finish() {
  if (waiting_rows_.empty()) return;
  const double* const precise = waiting_precise_.empty() ? nullptr : waiting_precise_.data();
  compare_with_all({0, std::ssize(waiting_rows_), waiting_.data(), precise}, waiting_rows_.data(),
                   waiting_norms_.data());
  waiting_.clear();
  waiting_precise_.clear();
  waiting_rows_.clear();
  waiting_norms_.clear();
}

void Search::compare_with_all(const RowBlock& strip) {
  std::int64_t rows[strip_rows];
  std::iota(rows, rows + strip.count, strip.first);
  compare_with_all(strip, rows, context_.summary.squared_norms.data() + strip.first);
}

void Search::compare_with_all(const RowBlock& strip, const std::int64_t* rows, const double* norms) {
  search_.find(strip, norms, found_);
  if (working_.pair->precise) search_.measure(strip, found_.labels, found_.lowest);
  for (std::int64_t i = 0; i < strip.count; ++i) {
    if (target_.uses_bounds()) {
      working_.bounds.learn(rows[i], found_.lowest[i], found_.second[i], found_.error[i]);
    }
    ledger_.take(strip, i, rows[i], found_.labels[i], found_.lowest[i]);
  }
}

void Search::wait(const RowBlock& strip, std::int64_t i) {
  const RowBlock row = part_of(strip, i, 1, dim_);
  waiting_.insert(waiting_.end(), row.values, row.values + dim_);
  if (row.precise != nullptr) waiting_precise_.insert(waiting_precise_.end(), row.precise, row.precise + dim_);
  waiting_rows_.push_back(row.first);
  waiting_norms_.push_back(context_.summary.squared_norms[static_cast<std::size_t>(row.first)]);
  if (std::ssize(waiting_rows_) == strip_rows) finish();
}

}  // namespace datus::clustering
