#pragma once

#include "datus/pipeline/calibration.hpp"
#include "pipeline/files/descriptors_file.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/session/run_context.hpp"
#include "pipeline/shards/shard_work.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace datus {

/// What the stages of shards made of one image.
struct MeasuredImage {
  std::vector<std::int16_t> segment;
  std::vector<std::int16_t> community;
  std::vector<PatchBox> box;
  std::vector<std::int32_t> size;
};

/// The sample of this rank, and what came out of it.
struct MeasuredSample {
  std::map<std::int64_t, MeasuredImage> images;  ///< by their index in the list
  std::int64_t images_done = 0;                  ///< with repeats
  std::int64_t segments_done = 0;
  KeysFile keys;                ///< of the last images
  DescriptorsFile descriptors;  ///< likewise
};

/// COLLECTIVE. Takes images that are spread evenly over the list through decoding, the model, segment and describe,
/// each step on all ranks at the same time, for about `seconds`; each rank takes images of its own where there are
/// enough. Fills in the values of these stages. Throws `AgreedError` when no image can be read, and when a stop was
/// asked for.
[[nodiscard]] MeasuredSample measure_images(RunContext& run, const Models& models, double seconds,
                                            CalibrationValues& values);

/// The first `count` of an order of [0, total) in which any run of neighbours is spread evenly over all.
[[nodiscard]] std::vector<std::int64_t> spread_order(std::int64_t total, std::int64_t first, std::int64_t count);

}  // namespace datus
