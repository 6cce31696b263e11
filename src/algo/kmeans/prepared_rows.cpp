// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/prepared_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace datus::clustering {
namespace {

/// What one thread makes of a block.
struct Scratch {
  AlignedVector<float> values;
  std::vector<double> precise;
};

/// Rows [count, D] in f64, minus the origin.
template <class T>
void subtract(const T* values, std::int64_t count, std::span<const double> origin, std::vector<double>& to) {
  to.resize(static_cast<std::size_t>(count) * origin.size());
  double* next = to.data();
  for (std::int64_t i = 0; i < count; ++i) {
    for (const double middle : origin) *next++ = static_cast<double>(*values++) - middle;
  }
}

}  // namespace

PreparedRows::PreparedRows(const KMeansRows& source, std::vector<double> origin, bool is_precise, int threads)
    : source_(source), origin_(std::move(origin)), is_precise_(is_precise) {
  if (!source.is_precise() || !source.in_memory() || !origin_.empty()) return;
  rounded_.resize(static_cast<std::size_t>(source.count()) * static_cast<std::size_t>(source.dim()));
  const RowRange all{0, source.count()};
  source.visit(std::span(&all, 1), threads, [&](std::size_t, const RowBlock& block) {
    const std::int64_t dim = source.dim();
    std::transform(block.precise, block.precise + block.count * dim, rounded_.begin() + block.first * dim,
                   [](double value) { return static_cast<float>(value); });
  });
}

void PreparedRows::visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const {
  if (!is_precise_ && origin_.empty()) {
    source_.visit(ranges, threads, body);
    return;
  }
  const std::vector<double> zero(static_cast<std::size_t>(dim()));
  const std::span<const double> origin = origin_.empty() ? zero : origin_;
  std::vector<Scratch> scratch(static_cast<std::size_t>(threads));
  source_.visit(ranges, threads, [&](std::size_t worker, const RowBlock& from) {
    if (!rounded_.empty()) {
      body(worker, {from.first, from.count, rounded_.data() + from.first * dim(), from.precise});
      return;
    }
    auto& [values, precise] = scratch[worker];
    RowBlock to = from;
    if (from.precise == nullptr) {
      subtract(from.values, from.count, origin, precise);
      to.precise = precise.data();
    } else if (!origin_.empty()) {
      subtract(from.precise, from.count, origin, precise);
      to.precise = precise.data();
    }
    values.assign(to.precise, to.precise + from.count * dim());
    to.values = values.data();
    // f32 holds what is left of rows that were f32.
    if (!is_precise_) to.precise = nullptr;
    body(worker, to);
  });
}

}  // namespace datus::clustering
