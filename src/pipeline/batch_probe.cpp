#include "pipeline/batch_probe.hpp"

#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/run_record.hpp"

#include <filesystem>
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
  const bool has_vector = backbone.image_vector_dim(input) > 0;
  run_batch(backbone, input.rows, input.cols, backbone.embedding_request(has_vector));
  if (run.config.descriptor.kind != DescriptorConfig::Kind::masked_crop) return;
  const Backbone& describing = models.descriptor ? *models.descriptor : backbone;
  const int side = run.config.descriptor.crop_size;
  run_batch(describing, side, side, {.feature = PatchFeature::key, .layer = -1, .cls = true});
}

/// COLLECTIVE. Whether the batches fit on all ranks; `why`: what a GPU of this rank answered.
bool fits_everywhere(const RunContext& run, const Models& models, std::string& why) {
  std::int64_t fits = 1;
  std::string problem;
  // Errors of another kind end the job as any error in a shard would.
  try {
    run_largest_batches(run, models);
  } catch (const DeviceMemoryError& error) {
    fits = 0;
    why = error.what();
  }
  run.comm.allreduce(std::span(&fits, 1), ReduceOp::min);
  return fits == 1;
}

bool has_shard_files(const RunDirectory& directory) {
  for (const char* stage : {"keys", "segments", "descriptors"}) {
    const auto folder = directory.root() / stage;
    if (std::filesystem::exists(folder) && !std::filesystem::is_empty(folder)) return true;
  }
  return false;
}

[[noreturn]] void give_up(const std::string& problem, int batch_size, const std::string& what_to_do) {
  throw AgreedError(ExitCode::failure, problem,
                    "model.batch_size: " + std::to_string(batch_size) + " needs more memory than a GPU has",
                    what_to_do);
}

}  // namespace

void freeze_batch_size(RunContext& run, Models& models) {
  if (!run.placement.gpu || !models.backbone) return;
  std::string why;
  if (fits_everywhere(run, models, why)) return;
  const int whole = run.placement.batch_size;
  const int half = halved(whole);
  if (whole == 1) give_up("The model does not fit the GPU", 1, "Use a smaller model.input_size, or another GPU.");
  if (half != halved(run.config.model.batch_size)) {
    give_up("The batches of this run do not fit the GPU any more", whole,
            "Use a GPU that no other program uses, as when the run was started.");
  }
  std::int64_t begun = 0;
  on_root(run.comm, [&] { begun = has_shard_files(run.directory) ? 1 : 0; });
  run.comm.allreduce(std::span(&begun, 1), ReduceOp::max);
  if (begun != 0) {
    give_up("The batches of this run do not fit the GPU any more", whole,
            "Use a GPU that no other program uses; or set model.batch_size: " + std::to_string(half) +
                " and choose another run directory: the last bits of embeddings depend on it.");
  }
  for (std::optional<Backbone>* backbone : {&models.backbone, &models.descriptor}) {
    if (*backbone) (*backbone)->use_batches_of(half);
  }
  if (!fits_everywhere(run, models, why)) {
    give_up("Half of a batch does not fit the GPU either", half, "Set a smaller model.batch_size.");
  }
  if (run.comm.rank() == 0) {
    log::warning("model.batch_size: " + std::to_string(whole) + " does not fit the GPU's memory; this run takes " +
                 std::to_string(half) + (why.empty() ? std::string() : " (" + why + ")"));
  }
  run.placement.batch_size = half;
  RunInputs inputs = run.provenance.inputs();
  inputs.backend = with_halved_batches(inputs.backend, half);
  on_root(run.comm,
          [&] { write_text_atomically(run.directory.config(), run_record_text(run.config, inputs), run.writing()); });
  run.provenance = Provenance(run.config, std::move(inputs));
}

}  // namespace datus
