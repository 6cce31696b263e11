// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/batch_probe.hpp"

#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {
namespace {

/// One batch of black images of that size.
void run_batch(const Backbone& backbone, int height, int width, const VisionTransformer::Request& request) {
  const Image image(height, width);
  const std::vector<const Image*> images(static_cast<std::size_t>(backbone.batch_size()), &image);
  (void)backbone.forward(images, request);
}

/// What the stages of this configuration will run at most.
void run_largest_batches(const RunContext& run, const Models& models) {
  const PixelSize input = run.config.model.input_size;
  const Backbone& backbone = *models.backbone;
  // Graphs are made beside the model.
  SegmentGpu graphs(*run.placement.gpu);
  std::optional<GpuAffinity> memory;
  if (graphs.makes(run.config)) {
    memory.emplace(graphs.lend(models.preparation->grid().patches(), backbone.architecture().dim, {}, run.threads));
  }
  const bool has_vector = backbone.image_vector_dim(input) > 0;
  run_batch(backbone, input.rows, input.cols, backbone.embedding_request(has_vector));
  if (!traits_of(run.config.descriptor.kind).has_crops) return;
  const Backbone& describing = models.descriptor ? *models.descriptor : backbone;
  const int side = run.config.descriptor.crop_size;
  run_batch(describing, side, side, {.feature = PatchFeature::key, .layer = -1, .cls = true});
}

/// COLLECTIVE. Whether a batch fits on all ranks; `why`: what the GPU of this rank answered.
bool fits_everywhere(const std::function<void()>& try_batch, std::string& why, Communicator& comm) {
  std::int64_t fits = 1;
  try {
    try_batch();
  } catch (const DeviceMemoryError& error) {
    fits = 0;
    why = error.what();
  }
  comm.allreduce(std::span(&fits, 1), ReduceOp::min);
  return fits == 1;
}

[[noreturn]] void give_up(const std::string& problem, int batch_size, const std::string& what_to_do) {
  throw AgreedError(ExitCode::failure, problem,
                    "batches of " + std::to_string(batch_size) + " need more memory than a GPU has free", what_to_do);
}

bool has_shard_files(const RunDirectory& directory) {
  for (const StageFiles& files : stage_files) {
    const auto folder = directory.folder(files.stage);
    if (files.is_by_shard && std::filesystem::exists(folder) && !std::filesystem::is_empty(folder)) return true;
  }
  return false;
}

}  // namespace

int agree_on_batch_size(const BatchQuestion& question, const std::function<void()>& try_batch,
                        const std::function<void(int size)>& use_half, Communicator& comm) {
  std::string why;
  const int whole = question.batch_size;
  if (fits_everywhere(try_batch, why, comm)) return whole;
  if (whole == 1) {
    give_up("The model does not fit the GPU", 1,
            "Use a smaller model.input_size, or a GPU that no other program uses (see nvidia-smi).");
  }
  const int half = halved(whole);
  if (question.was_halved || question.has_files) {
    give_up("The batches of this run do not fit the GPU any more", whole,
            "Use a GPU that no other program uses (see nvidia-smi); or set model.batch_size: " + std::to_string(half) +
                " and choose another run directory, since the last bits of embeddings depend on it.");
  }
  use_half(half);
  if (!fits_everywhere(try_batch, why, comm)) {
    give_up("Half of a batch does not fit the GPU either", half,
            "Set model.batch_size: " + std::to_string(halved(half)) + " or less.");
  }
  if (comm.rank() == 0) {
    log::warning("model.batch_size: " + std::to_string(whole) + " does not fit the GPU's memory; this run takes " +
                 std::to_string(half) + (why.empty() ? std::string() : " (" + why + ")"));
  }
  return half;
}

void freeze_batch_size(RunContext& run, Models& models) {
  // With run.mixed_hardware some ranks may have no GPU: they take part, and any batch fits them.
  const bool has_gpu = run.placement.gpu.has_value();
  if (largest_of_ranks<std::int64_t>(run.comm, has_gpu ? 1 : 0) == 0) return;
  BatchQuestion question{.batch_size = run.placement.batch_size,
                         .was_halved = run.placement.batch_size != run.config.model.batch_size,
                         .has_files = false};
  std::int64_t has_files = 0;
  on_root(run.comm, [&] { has_files = has_shard_files(run.directory) ? 1 : 0; });
  run.comm.allreduce(std::span(&has_files, 1), ReduceOp::max);
  question.has_files = has_files != 0;
  const auto use = [&](int size) {
    for (std::optional<Backbone>* backbone : {&models.backbone, &models.descriptor}) {
      if (*backbone) (*backbone)->use_batches_of(size);
    }
  };
  const auto try_batch = [&] {
    if (has_gpu) run_largest_batches(run, models);
  };
  const int size = agree_on_batch_size(question, try_batch, use, run.comm);
  if (size != run.placement.batch_size) run.use_batches_of(size);
}

}  // namespace datus
