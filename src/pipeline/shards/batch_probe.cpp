// SPDX-License-Identifier: Apache-2.0
#include "pipeline/shards/batch_probe.hpp"

#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"
#include "datus/core/ready_future.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/gpu_stages.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

/// As many things as two batches have: while one is computed the next one lies on the GPU already.
std::size_t two_batches(const Backbone& backbone) {
  return 2 * static_cast<std::size_t>(backbone.batch_size());
}

/// The end of what was begun, whatever it gives.
template <class T>
std::future<void> end_of(std::future<T> result) {
  return std::async(
      std::launch::deferred, [](std::future<T> given) { (void)given.get(); }, std::move(result));
}

/// Begins descriptors of a shard of black images as stage describe makes them: crops are cut from the images of the
/// whole shard, which lie on the GPU; where segments are looked at inside of their images, these have as many as can
/// be.
std::future<void> begin_descriptors(const RunContext& run, const Models& models, const Image& image) {
  const Config& config = run.config;
  const Backbone& backbone = models.descriptor ? *models.descriptor : *models.backbone;
  const auto [begin, end] = run.list.range(ShardIndex{0});
  const std::vector<const Image*> shard(static_cast<std::size_t>(std::max<std::int64_t>(end - begin, 1)), &image);
  const std::vector<const Image*> images(two_batches(backbone), &image);
  const GridSize grid = models.preparation->grid();
  const auto maps_of = [&](std::size_t count) {
    return std::vector<std::int16_t>(count * static_cast<std::size_t>(grid.patches()), 0);
  };
  switch (config.descriptor.kind) {
    case DescriptorConfig::Kind::masked_crop: {
      const auto maps = maps_of(shard.size());
      const PatchBox whole{0, 0, static_cast<std::int16_t>(grid.rows), static_cast<std::int16_t>(grid.cols)};
      const std::vector<CropPlace> places(images.size(), {0, 0, whole});
      return end_of(backbone.begin_crop_vectors({.images = shard,
                                                 .segment_maps = maps,
                                                 .grid = grid,
                                                 .patch = models.backbone->architecture().patch,
                                                 .places = places,
                                                 .crop_resize = config.descriptor.crop_resize,
                                                 .crop_size = config.descriptor.crop_size}));
    }
    case DescriptorConfig::Kind::masked_cls: {
      const int least = uses_graph(config.segment) ? config.segment.min_patches + 1 : 1;
      const int most = std::max(grid.patches() / least, 1);
      auto maps = maps_of(images.size());
      for (std::size_t i = 0; i < maps.size(); ++i) {
        maps[i] =
            static_cast<std::int16_t>(i % static_cast<std::size_t>(grid.patches()) % static_cast<std::size_t>(most));
      }
      return end_of(backbone.begin_segment_cls(images, maps, std::vector<int>(images.size(), most)));
    }
    case DescriptorConfig::Kind::mean_token:
      return end_of(backbone.begin_describing_forward(
          images, {.feature = PatchFeature::token, .layer = config.model.layer, .cls = false}));
    case DescriptorConfig::Kind::mean_key:
      break;  // of the embeddings, without the model
  }
  return end_of(ready_future(0));
}

/// One image in each of the chunks that may be under way.
template <class Gpu>
void run_chunks(Gpu& gpu, int nodes, int dim) {
  const std::vector<float> keys(static_cast<std::size_t>(nodes) * static_cast<std::size_t>(dim), 1);
  for (int chunk = 0; chunk < GpuAffinity::depth; ++chunk) {
    gpu.stage(0, keys);
    gpu.submit(1);
  }
  for (int chunk = 0; chunk < GpuAffinity::depth; ++chunk) (void)gpu.take();
}

/// Graphs. Their memory stays: in the run a thread of its own makes graphs while the model takes and leaves memory, and
/// must not ask for any then.
void run_graphs(const RunContext& run, const Models& models) {
  SegmentGpu& graphs = *models.graphs;
  if (!graphs.makes(run.config)) return;
  const int nodes = models.preparation->grid().patches();
  const int dim = models.backbone->architecture().dim;
  GpuAffinity memory = graphs.lend(nodes, dim, affinity_options(run.config.affinity), run.threads);
  run_chunks(memory, nodes, dim);
  graphs.give_back(std::move(memory));
}

/// The same of smoothing.
void run_smoothing(const RunContext& run, const Models& models) {
  if (!models.smoothing) return;
  const int nodes = models.preparation->grid().patches();
  const int dim = models.backbone->architecture().dim;
  GpuSmoothing memory = models.smoothing->lend(nodes, dim, *run.config.descriptor.smoothing, run.threads);
  run_chunks(memory, nodes, dim);
  models.smoothing->give_back(std::move(memory));
}

/// Memory for the embeddings of all shards that are on the GPU at the same time, where more is made of these.
std::vector<GpuKeys> keys_on_gpu(const RunContext& run, const Models& models) {
  std::vector<GpuKeys> keys;
  if (!keeps_keys_on_gpu(run.config)) return keys;
  for (int shard = 0; shard < SegmentGpu::shards_on_gpu; ++shard) {
    keys.push_back(models.graphs->lend_keys(shape_on_gpu(run, models)));
  }
  return keys;
}

/// What the stages of this configuration will run at most, with all that lies on the GPU meanwhile: what is taken for
/// both batches, for crops, for graphs and for smoothing stays there, so that the run asks for no more, whichever
/// thread comes first.
void run_largest_batches(const RunContext& run, const Models& models) {
  const PixelSize input = run.config.model.input_size;
  const Backbone& backbone = *models.backbone;
  run_graphs(run, models);
  run_smoothing(run, models);
  const bool has_vector = backbone.image_vector_dim(input) > 0;
  const Image image(input.rows, input.cols);
  std::vector<const Image*> images(two_batches(backbone), &image);
  // Twice: the next shard's images come when memory lies as the descriptors of the one before have left it. As in the
  // line of shards: what is made of one is under way beside what is made of another.
  auto request = backbone.embedding_request(has_vector);
  std::vector<GpuKeys> kept = keys_on_gpu(run, models);
  if (!kept.empty()) {
    images.resize(std::min(images.size(), kept.front().shape().images));
    request.halves = kept.front().shape().halves;
    request.kept_on_gpu = kept.front().address();
  }
  for (int shard = 0; shard < 2; ++shard) {
    auto embeddings = end_of(backbone.begin_forward(images, request));
    auto descriptors = begin_descriptors(run, models, image);
    auto of_the_next = end_of(backbone.begin_forward(images, request));
    for (auto* under_way : {&embeddings, &descriptors, &of_the_next}) under_way->get();
  }
  for (GpuKeys& keys : kept) models.graphs->give_back(std::move(keys));
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
