#pragma once

#include "datus/pipeline/calibration.hpp"
#include "pipeline/calibration_images.hpp"
#include "pipeline/session/run_context.hpp"

#include <filesystem>

namespace datus {

/// COLLECTIVE. Writes, with fsync, and reads shards of the sample's keys and descriptors in `folder`, each rank its
/// own, all at the same time. Files of keys have as many images as a shard, up to about `most_bytes`. Fills in the
/// values of files.
void measure_files(RunContext& run, const MeasuredSample& sample, const std::filesystem::path& folder,
                   std::int64_t most_bytes, CalibrationValues& values);

/// COLLECTIVE. Makes masks of the sample's segments in a small run below `folder`, each rank its own, evaluates them
/// against the ground truth where there is some, and draws the report, for about `seconds`. Fills in these values, with
/// the bytes of the files. `run.dataset` is borrowed meanwhile.
void measure_masks(RunContext& run, const MeasuredSample& sample, const std::filesystem::path& folder, double seconds,
                   CalibrationValues& values);

}  // namespace datus
