// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/files/stage_files.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/session/run_summary.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// What they did, over all ranks.
struct ShardSummary {
  std::int64_t shards = 0;      ///< shards that something was done for
  std::int64_t unreadable = 0;  ///< images of the run that cannot be read
  double seconds = 0;
  std::vector<StageWork> works;  ///< of the stages that were asked for, in their order
};

/// COLLECTIVE. Brings the shards' files of `stages`, which must work by shards, up to date. A shard's decoded images
/// and keys stay in memory from one stage to the next. Files of this provenance are left alone; others are redone, and
/// what differed is said once. Ranks claim shards from a common queue; reading ahead and writing behind overlap with
/// computing. Where segments need the mean embedding of the data set, all shards are extracted before the first of
/// them. Writes RUN/unreadable.tsv. Throws `AgreedError` for weights that cannot be used, when the run will not fit on
/// the disk (unless forced), and with exit code interrupted when a rank was asked to stop (finished shards are written
/// then; an open one is given up after run.grace seconds). An error in a shard ends the job.
ShardSummary run_shard_stages(RunContext& run, StageSet stages);

}  // namespace datus
