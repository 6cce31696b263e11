// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/ledger.hpp"

#include <cmath>

namespace datus::clustering {

Booking::Booking(const Context& context, const KMeansPair& pair)
    : context_(context),
      precise_(pair.precise),
      tally_(pair, context.rows.dim()),
      sum_scale_(std::ldexp(1.0, context.scales.sum_log2)),
      inertia_scale_(std::ldexp(1.0, context.scales.inertia_log2)),
      rest_scale_(std::ldexp(1.0, context.scales.rest_log2)) {}

void Booking::add_inertia(std::int32_t cluster, double distance) {
  double units = distance * inertia_scale_;
  // NaN fails the comparison.
  if (!(units <= context_.scales.row_limit)) {
    ++tally_.unrepresentable;
    return;
  }
  auto k = static_cast<std::size_t>(cluster);
  for (std::size_t part = 0; part < inertia_parts; ++part, k += tally_.counts.size()) {
    const std::int64_t whole = std::llrint(units);
    tally_.inertia[k] += whole;
    units = (units - static_cast<double>(whole)) * rest_scale_;
  }
}

template <int sign>
void Booking::change(const RowBlock& rows, std::int64_t i, std::int64_t row, std::int32_t cluster) {
  const Kernels& kernels = context_.kernels;
  const int dim = context_.rows.dim();
  const auto k = static_cast<std::size_t>(cluster);
  tally_.counts[k] += sign;
  std::int64_t* const sums = tally_.sums.data() + std::int64_t{cluster} * dim;
  const double* const precise = rows.precise == nullptr ? nullptr : rows.precise + i * dim;
  const float* const values = rows.values + i * dim;
  if (precise != nullptr) {
    (sign > 0 ? kernels.add_precise_row : kernels.subtract_precise_row)(precise, dim, sum_scale_, sums);
  } else {
    (sign > 0 ? kernels.add_row : kernels.subtract_row)(values, dim, sum_scale_, sums);
  }
  if (!precise_) {
    const double square = context_.summary.squared_norms[static_cast<std::size_t>(row)];
    tally_.squares[k] += sign * std::llrint(square * inertia_scale_);
    return;
  }
  rest_.resize(static_cast<std::size_t>(dim));
  // Adding and subtracting it rounds to nearest even, as the kernels do.
  constexpr double rounding = 0x1.8p52;
  for (int d = 0; d < dim; ++d) {
    const double units = (precise != nullptr ? precise[d] : static_cast<double>(values[d])) * sum_scale_;
    rest_[static_cast<std::size_t>(d)] = units - ((units + rounding) - rounding);
  }
  std::int64_t* const rests = sums + std::ssize(tally_.counts) * dim;
  (sign > 0 ? kernels.add_precise_row : kernels.subtract_precise_row)(rest_.data(), dim, rest_scale_, rests);
}

void Ledger::take(const RowBlock& rows, std::int64_t i, std::int64_t row, std::int32_t label, double distance) {
  if (working_.pair->precise) booking_.add_inertia(label, distance);
  std::int32_t& assigned = working_.assignment[static_cast<std::size_t>(row)];
  if (assigned == label) return;
  booking_.add_moved();
  booking_.join(rows, i, row, label);
  if (assigned >= 0) booking_.leave(rows, i, row, assigned);
  assigned = label;
}

}  // namespace datus::clustering
