// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/files/stage_files.hpp"
#include "pipeline/session/run_context.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace datus {

/// What is to be done for the shards, and why.
struct StaleShards {
  std::vector<StageSet> shards;  ///< [shards of the run] the stages whose files have to be made
  /// Why existing files are not used: what differs ("model.input_size: 224 became 448") and for damaged files their
  /// name; in the order of the data flow, without repeats, at most ten. Empty when files are merely missing.
  std::vector<std::string> reasons;
  /// The same for the files of each stage that was looked at, at most ten for each.
  std::map<Stage, std::vector<std::string>> reasons_of_stage;
};

/// COLLECTIVE. Of those of `stages` that work by shards: which files of which shards are missing, damaged (every
/// content hash is checked), of another provenance or of another shard. Each rank looks at a part of the shards; the
/// result is the same on all ranks and on any number of them. A file is asked for by its own stage alone: segments stay
/// when the keys that they were made from are gone, and keys that are not kept (storage.embeddings: none) are never
/// stale. Throws `AgreedError` when a folder cannot be looked into.
[[nodiscard]] StaleShards find_stale_shards(const RunContext& run, StageSet stages);

}  // namespace datus
