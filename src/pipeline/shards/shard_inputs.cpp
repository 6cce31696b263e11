#include "pipeline/shards/shard_inputs.hpp"

#include "datus/core/error.hpp"
#include "datus/core/stopwatch.hpp"
#include "pipeline/inputs/load_images.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace datus {
namespace {

/// Decodes the shard's images in pieces, so that a request to stop is seen soon.
void decode_images(const RunContext& run, const InputPreparation& preparation, ShardIndex shard,
                   const std::stop_token& stop, ShardInputs& inputs) {
  const auto [begin, end] = run.list.range(shard);
  const std::int64_t step = std::int64_t{4} * run.threads;
  for (std::int64_t first = begin; first < end && !stop.stop_requested(); first += step) {
    const std::int64_t last = std::min(first + step, end);
    std::vector<std::filesystem::path> paths;
    for (std::int64_t image = first; image < last; ++image) paths.push_back(run.image_path(image));
    auto loaded = load_images(paths, run.orientation(), run.threads);
    std::vector<Image> originals;
    for (std::int64_t image = first; image < last; ++image) {
      auto& slot = loaded[static_cast<std::size_t>(image - first)];
      const auto& listed = run.list.images[static_cast<std::size_t>(image)];
      if (slot.image && (slot.image->width != listed.width || slot.image->height != listed.height)) {
        throw InputError("Image " + listed.name + " changed while the run was going on",
                         "its size is not that of the frozen list", "Restore it, or start a new run.");
      }
      if (slot.image) {
        inputs.images.image.push_back(image);
        originals.push_back(std::move(*slot.image));
      } else {
        inputs.images.unreadable.push_back(image);
        inputs.problems.push_back(std::move(slot.error));
      }
    }
    for (auto& prepared : preparation.prepare(std::move(originals), run.threads)) {
      inputs.decoded.push_back(std::move(prepared));
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
  if (stale.has(Stage::describe) && traits_of(config.descriptor.kind).reads_keys) read(Stage::extract);
  if (stale.has(Stage::extract) || stale.has(Stage::describe)) needs.images = true;
  return needs;
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
  if (needs.images) decode_images(run, *preparation, shard, stop, inputs);
  inputs.seconds = watch.seconds();
  return inputs;
}

}  // namespace datus
