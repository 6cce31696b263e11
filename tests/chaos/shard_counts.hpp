// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace datus::chaos {

/// How often the shards of a run directory were computed, by its logs.
struct ShardCounts {
  std::map<std::string, int> events;              ///< by stage: computed
  std::map<std::string, std::set<int>> computed;  ///< by stage: which
  std::vector<std::string> problems;              ///< lines that are no JSON

  /// How often a shard was computed that had been computed before.
  [[nodiscard]] int recomputed(const std::string& stage) const;
};

/// Reads RUN/log/LAUNCH/rankNNNN.jsonl: one line of JSON for each event.
[[nodiscard]] ShardCounts count_shards(const std::filesystem::path& run);

}  // namespace datus::chaos
