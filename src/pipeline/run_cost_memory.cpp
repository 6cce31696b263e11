#include "datus/pipeline/run_cost.hpp"
#include "pipeline/run_cost_kmeans.hpp"

#include <algorithm>
#include <cmath>

namespace datus {
namespace {

constexpr double channels = 3;
/// What the allocator keeps of what was freed, and tears apart; measured 0 to 13 %.
constexpr double kept_by_allocator = 1.1;

double bytes_of_input(const Config& config) {
  return channels * config.model.input_size.rows * config.model.input_size.cols;
}

/// What the stage describe holds beside the shard, whose images are `images`.
double bytes_of_describe(const Config& config, const Calibration& calibration, double images, double batch,
                         int threads) {
  const double floats_of_input = 4 * bytes_of_input(config);
  const double embeddings = 4.0 * calibration.shape.grid.patches() * calibration.shape.descriptor_dim;
  switch (config.descriptor.kind) {
    case DescriptorConfig::Kind::masked_crop: {
      const double crop = channels * config.descriptor.crop_size * config.descriptor.crop_size;
      const double share = crop / bytes_of_input(config);
      return std::max<double>(batch, threads) * (crop + share * embeddings) + batch * (4 * crop + share * embeddings);
    }
    case DescriptorConfig::Kind::masked_cls:
      return threads * floats_of_input;
    case DescriptorConfig::Kind::mean_token:
      return images * (bytes_of_input(config) + embeddings) + batch * (floats_of_input + embeddings);
    case DescriptorConfig::Kind::mean_key:
      return 0;
  }
  return 0;
}

}  // namespace

std::int64_t memory_of_process(const RunWork& work, const Calibration& calibration) {
  // Name, paths and sizes of an image, in the data set and in the list: 900 measured six folders deep, without the
  // names and paths of a ground truth.
  constexpr std::int64_t bytes_of_listed_image = 1500;
  const std::int64_t more = std::max<std::int64_t>(0, work.all.images - calibration.listed_images);
  return std::llround(calibration.values.process_memory_bytes) + more * bytes_of_listed_image;
}

std::int64_t memory_of_shards(const RunWork& work, const Config& config, const Calibration& calibration,
                              const Allocation& allocation) {
  const int threads = allocation.cpus_per_rank;
  const double images = static_cast<double>(std::min<std::int64_t>(work.shard_size, work.pending.images));
  const double batch = std::min<double>(config.model.batch_size, images);
  const double input = bytes_of_input(config);
  const double keys = 4.0 * calibration.shape.grid.patches() * calibration.shape.dim;
  const double originals = 4.0 * threads * channels * 1e6 * work.largest_megapixels;
  // The shard at hand, the one before it (until it is written) and the inputs of the next one.
  const double shards = images * (2 * input + 2 * keys) + originals;
  const double extract = images * input + batch * (4 * input + keys);
  const double describe = bytes_of_describe(config, calibration, images, batch, threads);
  const double model =
      std::max(calibration.values.forward_memory_bytes_per_thread, calibration.values.describe_memory_bytes_per_thread);
  const auto process = static_cast<double>(memory_of_process(work, calibration));
  return std::llround(kept_by_allocator * (process + calibration.values.model_memory_bytes + threads * model + shards +
                                           std::max(extract, describe)));
}

std::int64_t memory_of_clusters(const RunWork& work, const Config& config, const Calibration& calibration,
                                const Allocation& allocation) {
  const std::int64_t rows = rows_of_rank(work, allocation);
  const int dim = calibration.shape.descriptor_dim;
  const double process = kept_by_allocator * static_cast<double>(memory_of_process(work, calibration));
  const std::int64_t fixed = std::llround(process) + state_of_kmeans(work, config, calibration, allocation);
  const std::int64_t data = rows * dim * std::int64_t{4};
  // The assignments of all K are kept until they are written.
  const std::int64_t labels = rows * 4 * std::ssize(work.clusters);
  if (!config.cluster.memory) return fixed + data + labels;
  return std::min(fixed + data, std::max(*config.cluster.memory, fixed)) + labels;
}

std::int64_t memory_of_images(const RunWork& work, const Calibration& calibration, const Allocation& allocation,
                              double bytes_per_thread) {
  const double assignment = 4 * work.segments;
  const auto process = static_cast<double>(memory_of_process(work, calibration));
  return std::llround(kept_by_allocator * (process + allocation.cpus_per_rank * bytes_per_thread + assignment));
}

}  // namespace datus
