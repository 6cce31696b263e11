// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/keys_file.hpp"
#include "pipeline/files/segments_file.hpp"
#include "pipeline/files/stage_files.hpp"
#include "pipeline/inputs/input_preparation.hpp"
#include "pipeline/session/run_context.hpp"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace datus {

/// What the stages of a shard take from the disk; all that can be had before any of them computes.
struct ShardInputs {
  ImageKeys images;                   ///< which images of the shard can be read, or those of `keys`
  std::vector<InputImage> decoded;    ///< the readable ones, at the input size
  std::vector<std::string> problems;  ///< one text per unreadable image
  std::optional<KeysFile> keys;
  std::optional<SegmentsFile> segments;
  double seconds = 0;  ///< that reading and decoding took
};

/// Which of them a shard needs.
struct ShardNeeds {
  bool images = false;
  StageSet files;  ///< of the shard that are there, by stage
};
[[nodiscard]] ShardNeeds needs_of(const Config& config, const StageSet& stale);

/// Whether a job of that stage alone runs the model. Segments are found in stored keys, and descriptors of some kinds
/// are made of them; where none are kept, the keys are computed again.
[[nodiscard]] bool runs_model(const Config& config, Stage stage);

/// Reads them. `preparation` may be null when no images are needed. Throws `InputError` for a file that is missing or
/// damaged, and for an image that is not of the listed size; returns early, with less, once `stop` asks for it.
[[nodiscard]] ShardInputs load_shard_inputs(const RunContext& run, const InputPreparation* preparation,
                                            ShardIndex shard, ShardNeeds needs, const std::stop_token& stop);

}  // namespace datus
