// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/hungarian.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

namespace datus {
namespace {

using Eigen::Index;
constexpr Index none = -1;

/// Assigns every row of a gain matrix [R, N], R <= N, to a column of its own.
///
/// The prices certify the optimum: gain(r, c) <= row_price(r) + column_price(c), with equality ("tight") on assigned
/// pairs, column prices >= 0, and 0 on free columns. An assignment of all rows is optimal iff it uses tight pairs only
/// and leaves only columns of price 0 free.
class ShortestAugmentingPaths {
 public:
  explicit ShortestAugmentingPaths(CountMatrix gain)
      : gain_(std::move(gain)),
        row_price_(Prices::Zero(gain_.rows())),
        column_price_(Prices::Zero(gain_.cols())),
        column_of_(static_cast<std::size_t>(gain_.rows()), none),
        row_of_(static_cast<std::size_t>(gain_.cols()), none) {
    for (Index row = 0; row < gain_.rows(); ++row) insert(row);
    for (Index row = 0; row < gain_.rows(); ++row) take_lowest_column(row);
  }

  [[nodiscard]] Index column_of(Index row) const { return column_of_[static_cast<std::size_t>(row)]; }

 private:
  using Prices = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

  [[nodiscard]] Index row_of(Index column) const { return row_of_[static_cast<std::size_t>(column)]; }
  [[nodiscard]] std::int64_t slack(Index row, Index column) const {
    return row_price_(row) + column_price_(column) - gain_(row, column);
  }
  void assign(Index row, Index column) {
    row_of_[static_cast<std::size_t>(column)] = row;
    if (row != none) column_of_[static_cast<std::size_t>(row)] = column;
  }
  void insert(Index row);
  void take_lowest_column(Index row);
  [[nodiscard]] bool find_chain(Index row, Index start, std::vector<Index>& reached_from) const;
  [[nodiscard]] bool is_held_before(Index row, Index column) const {
    return row_of(column) != none && row_of(column) < row;
  }

  CountMatrix gain_;
  Prices row_price_;
  Prices column_price_;
  std::vector<Index> column_of_;  ///< [R]
  std::vector<Index> row_of_;     ///< [N], none where the column is free
};

/// Finds the cheapest chain "the new row takes a column, its row takes another, ... the last takes a free one"
/// (Dijkstra on the slacks), and moves the prices so that the chain is tight.
void ShortestAugmentingPaths::insert(Index new_row) {
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  const Index columns = gain_.cols();
  Prices distance = Prices::Constant(columns, far);
  std::vector<Index> reached_from(static_cast<std::size_t>(columns), none);
  std::vector<bool> settled(static_cast<std::size_t>(columns), false);
  Index row = new_row;
  Index last = none;
  std::int64_t length = 0;
  while (row != none) {
    Index nearest = none;
    for (Index column = 0; column < columns; ++column) {
      if (settled[static_cast<std::size_t>(column)]) continue;
      if (const std::int64_t candidate = length + slack(row, column); candidate < distance(column)) {
        distance(column) = candidate;
        reached_from[static_cast<std::size_t>(column)] = row;
      }
      // Among equals a free column ends the search at once.
      const bool nearer = nearest == none || distance(column) < distance(nearest) ||
                          (distance(column) == distance(nearest) && row_of(column) == none);
      if (nearer) nearest = column;
    }
    settled[static_cast<std::size_t>(nearest)] = true;
    length = distance(nearest);
    last = nearest;
    row = row_of(nearest);
  }
  row_price_(new_row) -= length;
  for (Index column = 0; column < columns; ++column) {
    if (!settled[static_cast<std::size_t>(column)] || column == last) continue;
    column_price_(column) += length - distance(column);
    row_price_(row_of(column)) -= length - distance(column);
  }
  for (Index column = last; column != none;) {
    const Index taker = reached_from[static_cast<std::size_t>(column)];
    const Index left = taker == new_row ? none : column_of(taker);
    assign(taker, column);
    column = left;
  }
}

/// Among the optimal assignments that agree on the rows before: the lowest column that `row` has in any of them.
void ShortestAugmentingPaths::take_lowest_column(Index row) {
  const Index vacated = column_of(row);
  // What was searched in vain for one column need not be searched again for the next.
  std::vector<Index> reached_from(row_of_.size(), none);
  for (Index column = 0; column < vacated; ++column) {
    if (slack(row, column) != 0 || is_held_before(row, column) ||
        reached_from[static_cast<std::size_t>(column)] != none) {
      continue;
    }
    if (!find_chain(row, column, reached_from)) continue;
    for (Index to = vacated; to != column;) {
      const Index from = reached_from[static_cast<std::size_t>(to)];
      assign(row_of(from), to);
      to = from;
    }
    assign(row, column);
    return;
  }
}

/// Searches a chain "the row of column `start` moves to another column, whose row moves to another, ... to the column
/// of `row`" that keeps the optimum and moves no row before `row`, and notes each column's predecessor. A free column
/// belongs to a row of padding, which fits every column of price 0.
bool ShortestAugmentingPaths::find_chain(Index row, Index start, std::vector<Index>& reached_from) const {
  const Index vacated = column_of(row);
  std::vector<Index> open{start};
  reached_from[static_cast<std::size_t>(start)] = start;
  for (std::size_t i = 0; i < open.size(); ++i) {
    const Index mover = row_of(open[i]);
    for (Index column = 0; column < gain_.cols(); ++column) {
      const bool fits = mover == none ? column_price_(column) == 0 : slack(mover, column) == 0;
      if (!fits || is_held_before(row, column) || reached_from[static_cast<std::size_t>(column)] != none) continue;
      reached_from[static_cast<std::size_t>(column)] = open[i];
      if (column == vacated) return true;
      open.push_back(column);
    }
  }
  return false;
}

}  // namespace

std::vector<int> match_clusters(const Eigen::Ref<const CountMatrix>& counts) {
  if (counts.size() == 0) {
    throw InputError("Cannot match clusters and classes", "there are none", "Use at least one cluster and one class.");
  }
  if (const std::int64_t lowest = counts.minCoeff(); lowest < 0) {
    throw InputError("Cannot match clusters and classes", "a pixel count is " + std::to_string(lowest),
                     "Use counts that are 0 or more.");
  }
  const bool more_clusters = counts.rows() > counts.cols();
  const ShortestAugmentingPaths assignment(more_clusters ? CountMatrix(counts.transpose()) : CountMatrix(counts));
  std::vector<int> class_of(static_cast<std::size_t>(counts.rows()), -1);
  for (Index row = 0; row < std::min(counts.rows(), counts.cols()); ++row) {
    const Index column = assignment.column_of(row);
    if (more_clusters) {
      class_of[static_cast<std::size_t>(column)] = static_cast<int>(row);
    } else {
      class_of[static_cast<std::size_t>(row)] = static_cast<int>(column);
    }
  }
  return class_of;
}

}  // namespace datus
