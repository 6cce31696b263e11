#include "algo/kmeans/ledger.hpp"

#include "algo/kmeans/inertia.hpp"

#include <cmath>

namespace datus::clustering {

Tally::Tally(const WorkingPair& working)
    : sums(working.sums.size()), counts(working.counts.size()), squares(working.squares.size()) {
  if (working.squares.empty()) inertia.resize(static_cast<std::size_t>(working.pair->clusters));
}

Ledger::Ledger(const Context& context, WorkingPair& working)
    : context_(context),
      working_(working),
      tally_(working),
      keeps_sums_(!working.sums.empty()),
      sum_scale_(std::ldexp(1.0, context.scales.sum_log2)),
      inertia_scale_(std::ldexp(1.0, context.scales.inertia_log2)) {}

void Ledger::take(const RowBlock& rows, const std::int32_t* labels, const float* scores) {
  const std::int64_t dim = context_.rows.dim();
  for (std::int64_t i = 0; i < rows.count; ++i) {
    book(rows.values + i * dim, rows.first + i, labels[i], scores[i]);
  }
}

void Ledger::take(const float* values, std::int64_t row, std::int32_t label, float score) {
  book(values, row, label, score);
}

inline void Ledger::book(const float* values, std::int64_t row, std::int32_t label, float score) {
  const float norm = context_.summary.squared_norms[static_cast<std::size_t>(row)];
  const double units = inertia_in_units(norm, score, inertia_scale_);
  // NaN fails the comparison.
  if (!(units <= context_.scales.row_limit)) {
    ++tally_.unrepresentable;
  } else if (!tally_.inertia.empty()) {
    tally_.inertia[static_cast<std::size_t>(label)] += std::llrint(units);
  }
  std::int32_t& assigned = working_.assignment[static_cast<std::size_t>(row)];
  if (keeps_sums_ && assigned != label) move(values, norm, assigned, label);
  assigned = label;
}

void Ledger::move(const float* values, float norm, std::int32_t from, std::int32_t to) {
  const int dim = context_.rows.dim();
  const std::int64_t square = std::llrint(static_cast<double>(norm) * inertia_scale_);
  ++tally_.moved;
  ++tally_.counts[static_cast<std::size_t>(to)];
  context_.kernels.add_row(values, dim, sum_scale_, tally_.sums.data() + std::int64_t{to} * dim);
  if (!tally_.squares.empty()) tally_.squares[static_cast<std::size_t>(to)] += square;
  if (from < 0) return;
  --tally_.counts[static_cast<std::size_t>(from)];
  context_.kernels.subtract_row(values, dim, sum_scale_, tally_.sums.data() + std::int64_t{from} * dim);
  if (!tally_.squares.empty()) tally_.squares[static_cast<std::size_t>(from)] -= square;
}

}  // namespace datus::clustering
