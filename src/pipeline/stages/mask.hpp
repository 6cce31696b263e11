// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/session/run_summary.hpp"

#include <vector>

namespace datus {

/// COLLECTIVE. The shards whose masks for K are missing, damaged (the bytes of every PNG are compared with its recorded
/// hash) or of another provenance.
[[nodiscard]] std::vector<ShardIndex> stale_masks(const RunContext& run, int k);

/// COLLECTIVE. Stage mask of a run, for all K: a PNG for each readable image in RUN/masks/kK, by shards; only the stale
/// ones. Returns what was done, over all ranks. Throws `AgreedError` (interrupted) when a rank was asked to stop.
StageWork make_masks(const RunContext& run);

/// Throws `InputError` naming the folder unless the shard's masks for K are there, as recorded, and of this provenance.
void require_current_masks(const RunContext& run, int k, ShardIndex shard);

}  // namespace datus
