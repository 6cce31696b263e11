#pragma once

#include "datus/config/config.hpp"
#include "datus/pipeline/segment_gpu.hpp"
#include "datus/pipeline/shard_files.hpp"

#include <filesystem>

namespace datus {

/// Stage segment: affinity graph, communities, connected segments of each image, from keys as stored. Images are worked
/// on by `threads` threads; the result does not depend on them.
///
/// With a `gpu`, that makes the graphs (where it can: `SegmentGpu::makes`), while the threads search communities in
/// those it has made: the result is the same.
[[nodiscard]] SegmentsFile segment_keys(const KeysFile& keys, const Config& config, int threads,
                                        SegmentGpu* gpu = nullptr);

/// `datus segment --keys FILE --out FILE`: reads /keys image by image, so a file may be larger than memory.
void segment_to_file(const Config& config, const std::filesystem::path& keys, const std::filesystem::path& out,
                     int threads, SegmentGpu* gpu = nullptr);

}  // namespace datus
