// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/backbone/backbone.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/stages/embeddings_by_image.hpp"

#include <cstddef>
#include <functional>
#include <future>
#include <vector>

namespace datus {

/// Stage describe: one unit-length vector for each valid segment of the images, in the order of the segments.
/// `inputs` are the images of `segments`, in its order; `keys` gives their embeddings as stored, and is called at once,
/// by the kinds that average them only: these need neither `inputs` nor `backbone`, which may be null. `smoothing` says
/// with how many threads, and where they are smoothed. `first_crop`: as `SegmentCrops::first_place`. It begins as
/// `VisionTransformer::begin_forward` does, but `segments`, `backbone` and `config` must live until `get`, which throws
/// `InputError` naming image and segment for a descriptor of length 0 or not finite.
[[nodiscard]] std::future<DescriptorsFile> begin_descriptors(const std::vector<InputImage>& inputs,
                                                             const SegmentsFile& segments, const Backbone* backbone,
                                                             const Config& config, const SmoothingPlace& smoothing,
                                                             std::size_t first_crop,
                                                             const std::function<const KeysFile&()>& keys);

}  // namespace datus
