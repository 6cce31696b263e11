// SPDX-License-Identifier: Apache-2.0
#include "chaos/shard_counts.hpp"

#include "support/temp_folder.hpp"

#include <sstream>

#include <nlohmann/json.hpp>

namespace datus::chaos {
namespace {

void count_line(const std::string& line, const std::string& where, ShardCounts& counts) {
  const auto event = nlohmann::json::parse(line, nullptr, false);
  if (!event.is_object()) {
    counts.problems.push_back(where + " is not a line of JSON: " + line.substr(0, 100));
    return;
  }
  if (event.value("event", "") != "shard") return;
  const std::string stage = event.value("stage", "");
  ++counts.events[stage];
  counts.computed[stage].insert(event.value("shard", -1));
}

}  // namespace

int ShardCounts::recomputed(const std::string& stage) const {
  const auto all = events.find(stage);
  return all == events.end() ? 0 : all->second - static_cast<int>(computed.at(stage).size());
}

ShardCounts count_shards(const std::filesystem::path& run) {
  ShardCounts counts;
  for (const std::string& name : test::files_below(run / "log")) {
    if (!name.ends_with(".jsonl")) continue;
    std::istringstream lines(test::bytes_of(run / "log" / name));
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      count_line(line, "log/" + name + ", line " + std::to_string(++number), counts);
    }
  }
  return counts;
}

}  // namespace datus::chaos
