#pragma once

#include "datus/pipeline/run_context.hpp"

#include <cstdint>

namespace datus {

/// Which of the three stages that work shard by shard are to be done.
struct ShardStages {
  bool extract = false;
  bool segment = false;
  bool describe = false;
};

/// What they did, over all ranks.
struct ShardSummary {
  std::int64_t shards = 0;      ///< shards that something was done for
  std::int64_t unreadable = 0;  ///< images of the run that cannot be read
  double seconds = 0;
};

/// COLLECTIVE. Brings the shards' files up to date: keys, segments, descriptors. A shard's decoded images and keys stay
/// in memory from one stage to the next. Files of this provenance are left alone; others are redone, and what differed
/// is said once. Ranks claim shards from a common queue. Writes RUN/unreadable.tsv. Throws `AgreedError` for weights
/// that cannot be used; an error in a shard ends the job.
ShardSummary run_shard_stages(RunContext& run, ShardStages stages);

}  // namespace datus
