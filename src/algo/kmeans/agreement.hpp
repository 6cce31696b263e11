// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace datus::clustering {

/// Two restarts of one K whose partitions are to be compared. `result`: its place among the results.
struct RestartPair {
  std::size_t result = 0;
  std::size_t first = 0;
  std::size_t second = 0;
  std::int64_t clusters = 0;

  [[nodiscard]] std::int64_t cells() const { return clusters * clusters; }
};

/// Cuts pairs into runs, in order, whose tables have at most `limit` cells together; each pair's must have.
[[nodiscard]] std::vector<std::vector<RestartPair>> cut_pairs(std::span<const RestartPair> pairs, std::int64_t limit);

/// The contingency tables [K, K] of some pairs: one each, which all threads of a rank fill. Counts are integers, so the
/// threads' order does not matter; a table for each thread would multiply the memory.
class AgreementTables {
 public:
  explicit AgreementTables(std::vector<RestartPair> pairs);

  [[nodiscard]] const std::vector<RestartPair>& pairs() const { return pairs_; }
  /// Adds rows to all tables: labels[result][restart] are those of the same rows, equally many in all that the pairs
  /// name. Safe from any thread; `worker` numbers them, so that they begin at different tables.
  void add(std::size_t worker, const std::vector<std::vector<std::vector<std::int32_t>>>& labels);
  /// All cells, [pairs][K, K], to be summed over the ranks.
  [[nodiscard]] std::span<std::int64_t> cells() { return cells_; }
  /// The adjusted Rand index of a pair; the tables must not be empty.
  [[nodiscard]] double adjusted_rand_index(std::size_t pair) const;

 private:
  std::vector<RestartPair> pairs_;
  std::vector<std::size_t> begins_;
  std::vector<std::int64_t> cells_;
  std::vector<std::mutex> locks_;
};

}  // namespace datus::clustering
