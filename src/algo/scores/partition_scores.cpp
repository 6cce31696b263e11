// SPDX-License-Identifier: Apache-2.0
#include "algo/scores/partition_scores.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace datus {
namespace {

using Eigen::Index;
using Marginal = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;
/// The number of pairs of pixels exceeds 64 bits from 4 thousand million pixels on.
__extension__ typedef __int128 PairCount;

double entropy(const Marginal& counts, double total) {
  double sum = 0.0;
  for (const std::int64_t count : counts) {
    if (count == 0) continue;
    const auto value = static_cast<double>(count);
    sum += value / total * (std::log(total) - std::log(value));
  }
  return sum;
}

double mutual_information(const Eigen::Ref<const CountMatrix>& table, const Marginal& rows, const Marginal& columns,
                          double total) {
  double sum = 0.0;
  const double log_total = std::log(total);
  const Eigen::ArrayXd log_columns = columns.cast<double>().unaryExpr([](double count) { return std::log(count); });
  for (Index row = 0; row < table.rows(); ++row) {
    const double log_row = std::log(static_cast<double>(rows(row)));
    for (Index column = 0; column < table.cols(); ++column) {
      if (table(row, column) == 0) continue;
      const auto count = static_cast<double>(table(row, column));
      const double expected_log = log_row + log_columns(column) - log_total;
      sum += count / total * (std::log(count) - expected_log);
    }
  }
  return sum;
}

template <class Counts>
PairCount sum_of_squares(const Counts& counts) {
  PairCount sum = 0;
  for (const std::int64_t count : counts.reshaped()) sum += PairCount{count} * count;
  return sum;
}

}  // namespace

std::optional<double> normalised_mutual_information(const Eigen::Ref<const CountMatrix>& table) {
  const Marginal rows = table.rowwise().sum();
  const Marginal columns = table.colwise().sum().transpose();
  const std::int64_t total = rows.sum();
  if (total == 0) return std::nullopt;
  if ((rows.array() != 0).count() == 1 && (columns.array() != 0).count() == 1) return 1.0;
  const auto pixels = static_cast<double>(total);
  const double information = mutual_information(table, rows, columns, pixels);
  if (information <= std::numeric_limits<double>::epsilon()) return 0.0;
  return std::min(1.0, information / ((entropy(rows, pixels) + entropy(columns, pixels)) / 2.0));
}

std::optional<double> adjusted_rand_index(const Eigen::Ref<const CountMatrix>& table) {
  const Marginal rows = table.rowwise().sum();
  const Marginal columns = table.colwise().sum().transpose();
  const PairCount total = rows.sum();
  if (total == 0) return std::nullopt;
  // Ordered pairs of different pixels that are together in both partitions, in one of them only, or in none.
  const PairCount squares = sum_of_squares(table);
  const PairCount together = squares - total;
  const PairCount same_row = sum_of_squares(rows) - squares;
  const PairCount same_column = sum_of_squares(columns) - squares;
  const PairCount apart = total * total - squares - same_row - same_column;
  if (same_row == 0 && same_column == 0) return 1.0;
  // Products of pair counts exceed even 128 bits, so they are of fractions of all pairs from here on.
  const auto fraction = [&](PairCount pairs) {
    return static_cast<double>(pairs) / static_cast<double>(total * total);
  };
  const double tp = fraction(together);
  const double tn = fraction(apart);
  const double fp = fraction(same_row);
  const double fn = fraction(same_column);
  return 2.0 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn));
}

}  // namespace datus
