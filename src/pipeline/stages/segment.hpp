// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/stages/segment_gpu.hpp"

#include <span>

namespace datus {

/// Stage segment: affinity graph, communities, connected segments of each image, from keys as stored. Images are worked
/// on by `threads` threads; the result does not depend on them.
///
/// With a `gpu`, that makes the graphs (where it can: `SegmentGpu::makes`), while the threads search communities in
/// those it has made: the result is the same.
///
/// Where the keys lie on the GPU still, as `on_gpu`, image by image, the graphs are made of these.
///
/// `mean` [D]: that of the data set, for affinity.center: dataset. Throws `UsageError` when that is set and the width
/// is another.
[[nodiscard]] SegmentsFile segment_keys(const KeysFile& keys, const Config& config, int threads,
                                        SegmentGpu* gpu = nullptr, std::span<const float> mean = {},
                                        const GpuKeys* on_gpu = nullptr);

}  // namespace datus
