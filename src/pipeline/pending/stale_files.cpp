// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pending/stale_files.hpp"

#include "pipeline/files/verified_file.hpp"
#include "pipeline/session/progress.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

namespace datus {
namespace {

constexpr std::size_t most_reasons = 10;

void add_reason(std::vector<std::string>& reasons, std::string_view text) {
  if (text.empty() || reasons.size() == most_reasons) return;
  if (std::find(reasons.begin(), reasons.end(), text) == reasons.end()) reasons.emplace_back(text);
}

/// What one rank finds out about the files of one stage.
struct Findings {
  std::vector<std::uint8_t> stale;  ///< [shards of the rank]
  std::vector<std::string> reasons;
};

std::int64_t images_in(const ImageList& list, Share shards) {
  return std::min(list.size(), shards.end * list.shard_size) - std::min(list.size(), shards.begin * list.shard_size);
}

Findings look_at_files(const RunContext& run, Stage stage, Share shards) {
  Findings found;
  const StageProvenance wanted = run.provenance.of(stage);
  Progress progress("verifying " + std::string(files_of(stage).folder), images_in(run.list, shards),
                    run.comm.rank() != 0);
  for (std::int64_t i = shards.begin; i < shards.end; ++i) {
    const ShardIndex shard{i};
    std::string why;
    const bool current = is_current(run.directory.shard_file(stage, shard), wanted.of_shard(shard), &why);
    found.stale.push_back(current ? 0 : 1);
    progress.add(static_cast<double>(images_in(run.list, {i, i + 1})));
    if (!current) add_reason(found.reasons, why);
  }
  return found;
}

/// COLLECTIVE. The reasons of all ranks in rank order, which is that of the shards: the same on any number of ranks.
std::vector<std::string> reasons_of_all(const std::vector<std::string>& mine, Communicator& comm) {
  constexpr char end_of_reason = '\0';
  std::string joined;
  for (const auto& reason : mine) joined += reason + end_of_reason;
  std::vector<std::string> reasons;
  for (const auto& bytes : allgather(comm, std::as_bytes(std::span(joined)))) {
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (auto end = rest.find(end_of_reason); end != std::string_view::npos; end = rest.find(end_of_reason)) {
      add_reason(reasons, rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }
  return reasons;
}

}  // namespace

StaleShards find_stale_shards(const RunContext& run, StageSet stages) {
  const Share mine = share_of(run.list.shards(), run.comm);
  StaleShards found;
  found.shards.resize(static_cast<std::size_t>(run.list.shards()));
  for (const StageFiles& files : stage_files) {
    const Stage stage = files.stage;
    if (!files.is_by_shard || !stages.has(stage) || !keeps_files(run.config.storage, stage)) continue;
    Findings findings;
    collectively(run.comm, [&] { findings = look_at_files(run, stage, mine); });
    const auto stale = allgather_values(run.comm, findings.stale);
    for (std::size_t i = 0; i < stale.size(); ++i) found.shards[i].set(stage, stale[i] != 0);
    auto& reasons = found.reasons_of_stage[stage];
    reasons = reasons_of_all(findings.reasons, run.comm);
    for (const auto& reason : reasons) add_reason(found.reasons, reason);
  }
  return found;
}

}  // namespace datus
