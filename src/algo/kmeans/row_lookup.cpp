// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/row_lookup.hpp"

#include <algorithm>
#include <numeric>

namespace datus::clustering {
namespace {

bool is_less(std::span<const double> a, std::span<const double> b) {
  return std::ranges::lexicographical_compare(a, b);
}

}  // namespace

RowLookup::RowLookup(std::span<const double> rows, int dim)
    : rows_(rows), dim_(static_cast<std::size_t>(dim)), order_(rows.size() / dim_) {
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  // Stable: equal rows stay in ascending order.
  std::ranges::stable_sort(order_, is_less, [this](std::int64_t index) { return row(index); });
}

std::span<const double> RowLookup::row(std::int64_t index) const {
  return rows_.subspan(static_cast<std::size_t>(index) * dim_, dim_);
}

std::vector<std::int64_t> RowLookup::first_of_equals() const {
  std::vector<std::int64_t> firsts;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    if (i == 0 || !std::ranges::equal(row(order_[i - 1]), row(order_[i]))) firsts.push_back(order_[i]);
  }
  std::ranges::sort(firsts);
  return firsts;
}

bool RowLookup::all_differ() const {
  return std::ranges::adjacent_find(order_, [this](std::int64_t a, std::int64_t b) {
           return std::ranges::equal(row(a), row(b));
         }) == order_.end();
}

}  // namespace datus::clustering
