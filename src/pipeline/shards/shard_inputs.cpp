// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/shard_inputs.hpp"

#include "datus/core/error.hpp"
#include "datus/core/stopwatch.hpp"
#include "pipeline/inputs/load_images.hpp"

#include <filesystem>
#include <utility>

namespace datus {
namespace {

/// Sorts the shard's images into those that can be read and the others.
void decode_images(const RunContext& run, const InputPreparation& preparation, ShardIndex shard,
                   const std::stop_token& stop, ShardInputs& inputs) {
  const auto [begin, end] = run.list.range(shard);
  std::vector<std::filesystem::path> paths;
  for (std::int64_t image = begin; image < end; ++image) paths.push_back(run.image_path(image));
  inputs.images.listed = run.list.hash_of(shard).hex();
  auto loaded = load_images(paths, run.orientation(), preparation, run.threads, stop);
  for (std::int64_t image = begin; image < end && !stop.stop_requested(); ++image) {
    auto& slot = loaded[static_cast<std::size_t>(image - begin)];
    const auto& listed = run.list.images[static_cast<std::size_t>(image)];
    if (slot.input && (slot.width != listed.width || slot.height != listed.height)) {
      throw InputError("Image " + listed.name + " changed while the run was going on",
                       "its size is not that of the frozen list", "Restore it, or start a new run.");
    }
    if (slot.input) {
      inputs.images.image.push_back(image);
      inputs.images.content.push_back(slot.content.hex());
      inputs.decoded.push_back(std::move(*slot.input));
    } else {
      inputs.images.unreadable.push_back(image);
      inputs.problems.push_back(std::move(slot.error));
    }
  }
}

}  // namespace

ShardNeeds needs_of(const Config& config, const StageSet& stale) {
  ShardNeeds needs;
  const auto read = [&](Stage stage) {
    if (stale.has(stage)) return;  // it is in memory then
    if (keeps_files(config.storage, stage)) {
      needs.files.set(stage);
    } else {
      needs.images = true;
    }
  };
  for (const StageFiles& files : stage_files) {
    if (files.is_by_shard && files.input && stale.has(files.stage)) read(*files.input);
  }
  const bool of_keys = traits_of(config.descriptor.kind).reads_keys;
  if (stale.has(Stage::describe) && of_keys) read(Stage::extract);
  if (stale.has(Stage::extract) || (stale.has(Stage::describe) && !of_keys)) needs.images = true;
  return needs;
}

bool runs_model(const Config& config, Stage stage) {
  return shard_stages.has(stage) && needs_of(config, {stage}).images;
}

ShardInputs load_shard_inputs(const RunContext& run, const InputPreparation* preparation, ShardIndex shard,
                              ShardNeeds needs, const std::stop_token& stop) {
  const Stopwatch watch;
  ShardInputs inputs;
  if (needs.files.has(Stage::extract)) {
    inputs.keys = read_keys(run.directory.keys(shard), run.provenance.of(Stage::extract).of_shard(shard));
  }
  if (needs.files.has(Stage::segment) && !stop.stop_requested()) {
    inputs.segments = read_segments(run.directory.segments(shard), run.provenance.of(Stage::segment).of_shard(shard));
  }
  if (needs.images) {
    decode_images(run, *preparation, shard, stop, inputs);
  } else if (inputs.keys) {
    inputs.images = inputs.keys->images;
  }
  inputs.seconds = watch.seconds();
  return inputs;
}

}  // namespace datus
