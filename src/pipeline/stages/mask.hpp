// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "pipeline/files/run_masks.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/session/run_summary.hpp"

#include <vector>

namespace datus {

/// COLLECTIVE. The shards whose masks for K are missing, damaged (every byte is looked at) or of another provenance, in
/// any of the formats that are asked for.
[[nodiscard]] std::vector<ShardIndex> stale_masks(const RunContext& run, int k);

/// COLLECTIVE. Stage mask of a run, for all K, by shards: the label map of each readable image in each format that is
/// asked for (mask.formats). Only what is stale is made, from another format where that is current; files of formats
/// that are not asked for are removed when all is made, which is said. Returns what was done, over all ranks. Throws
/// `AgreedError` (interrupted) when a rank was asked to stop.
StageWork make_masks(const RunContext& run);

/// The masks of a run as the first of its formats has them. Reads nothing yet. The run must outlive it.
[[nodiscard]] RunMasks masks_of_run(const RunContext& run);

}  // namespace datus
