// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/agreement.hpp"

#include "algo/scores/partition_scores.hpp"

#include <utility>

namespace datus::clustering {

std::vector<std::vector<RestartPair>> cut_pairs(std::span<const RestartPair> pairs, std::int64_t limit) {
  std::vector<std::vector<RestartPair>> runs;
  std::int64_t cells = 0;
  for (const RestartPair& pair : pairs) {
    if (runs.empty() || cells + pair.cells() > limit) {
      runs.emplace_back();
      cells = 0;
    }
    runs.back().push_back(pair);
    cells += pair.cells();
  }
  return runs;
}

AgreementTables::AgreementTables(std::vector<RestartPair> pairs) : pairs_(std::move(pairs)), locks_(pairs_.size()) {
  std::size_t cells = 0;
  for (const RestartPair& pair : pairs_) {
    begins_.push_back(cells);
    cells += static_cast<std::size_t>(pair.cells());
  }
  cells_.resize(cells);
}

void AgreementTables::add(std::size_t worker, const std::vector<std::vector<std::vector<std::int32_t>>>& labels) {
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const std::size_t at = (i + worker) % pairs_.size();
    const RestartPair& pair = pairs_[at];
    const std::vector<std::int32_t>& first = labels[pair.result][pair.first];
    const std::vector<std::int32_t>& second = labels[pair.result][pair.second];
    std::int64_t* const table = cells_.data() + begins_[at];
    const std::lock_guard lock(locks_[at]);
    for (std::size_t row = 0; row < first.size(); ++row) ++table[first[row] * pair.clusters + second[row]];
  }
}

double AgreementTables::adjusted_rand_index(std::size_t pair) const {
  const Eigen::Index clusters = pairs_[pair].clusters;
  const Eigen::Map<const CountMatrix> table(cells_.data() + begins_[pair], clusters, clusters);
  return datus::adjusted_rand_index(table).value();
}

}  // namespace datus::clustering
