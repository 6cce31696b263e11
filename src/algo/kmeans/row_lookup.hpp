// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// Finds equal rows [count, D], compared as numbers: -0 equals 0.
class RowLookup {
 public:
  /// `rows` must outlive this. dim >= 1, no NaN.
  RowLookup(std::span<const double> rows, int dim);

  /// The rows that equal no row of lower index, in ascending order.
  [[nodiscard]] std::vector<std::int64_t> first_of_equals() const;
  [[nodiscard]] bool all_differ() const;

 private:
  [[nodiscard]] std::span<const double> row(std::int64_t index) const;

  std::span<const double> rows_;
  std::size_t dim_;
  /// Indices in lexicographic order of their rows, ascending among equal ones.
  std::vector<std::int64_t> order_;
};

}  // namespace datus::clustering
