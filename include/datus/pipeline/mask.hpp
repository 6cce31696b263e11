#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/pipeline/run_context.hpp"
#include "datus/pipeline/run_summary.hpp"
#include "datus/pipeline/shard_files.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Cluster of each patch: that of its segment, -1 for patches of no valid segment. `segment_map` [P] are ids within the
/// image, `clusters` [segments of the image] their clusters.
[[nodiscard]] std::vector<std::int32_t> cluster_of_patches(std::span<const std::int16_t> segment_map,
                                                           std::span<const std::int32_t> clusters);

/// COLLECTIVE. The shards whose masks for K are missing, damaged (the bytes of every PNG are compared with its recorded
/// hash) or of another provenance.
[[nodiscard]] std::vector<ShardIndex> stale_masks(RunContext& run, int k);

/// COLLECTIVE. Stage mask of a run, for one K: a PNG for each readable image in RUN/masks/kK, by shards; only the stale
/// ones. Returns what was done, over all ranks. Throws `AgreedError` (interrupted) when a rank was asked to stop.
StageWork make_masks(RunContext& run, int k);

/// Throws `InputError` naming the folder unless the shard's masks for K are there, as recorded, and of this provenance.
void require_current_masks(const RunContext& run, int k, ShardIndex shard);

/// COLLECTIVE. `datus mask --segments FILE --clusters FILE:/kK --images DIR --out DIR`. Ranks share the images.
/// Returns the number of masks.
std::int64_t masks_to_folder(const Config& config, const std::filesystem::path& segments, const std::string& clusters,
                             const std::filesystem::path& images, const std::filesystem::path& out, int threads,
                             Communicator& comm);

}  // namespace datus
