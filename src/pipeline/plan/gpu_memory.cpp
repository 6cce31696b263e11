// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/gpu_memory.hpp"

#include "datus/algo/kmeans.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/extract.hpp"
#include "pipeline/stages/gpu_stages.hpp"
#include "pipeline/stages/segment_gpu.hpp"
#include "pipeline/stages/smoothing_gpu.hpp"

#include <algorithm>

namespace datus {
namespace {

/// Of some rows with all centroids, which lie in the cache of a GPU.
constexpr double most_products = 16.0 * 1024 * 1024;

/// Rows and labels as the engine of k-means on a GPU has them.
double bytes_of_kmeans(const Config& config, int dim, double rows, const std::vector<int>& clusters) {
  if (clusters.empty()) return 0;
  const KMeansOptions options = kmeans_options(config, clusters, 1);
  const int pitch = (dim + 3) / 4 * 4;
  // Beside what it keeps for each row the labels that a pass finds.
  const double of_row = 4.0 * pitch + 4 + static_cast<double>(kmeans_bytes_per_row(options));
  // f32: centroids and their means; i64: the sums of this rank, and of all ranks.
  double centroids = 0;
  for (const int k : clusters) centroids += 24.0 * k * pitch * options.restarts;
  const double products = std::min(most_products, 4 * rows * std::ranges::max(clusters));
  return rows * of_row + centroids + products;
}

}  // namespace

GpuMemory gpu_memory(const Config& config, const Calibration& calibration, int threads, std::int64_t shard_images,
                     double rows, const std::vector<int>& clusters) {
  GpuMemory memory;
  if (!refuses_gpu(config.cluster.device)) {
    memory.cluster = bytes_of_kmeans(config, calibration.descriptor_width, rows, clusters);
  }
  if (refuses_gpu(config.model.device)) return memory;
  const bool is_16_bit = !config.model.precision || *config.model.precision != ModelConfig::Precision::float32;
  const double number = is_16_bit ? 2 : 4;
  const double batch = config.model.batch_size;
  const PixelSize input = config.model.input_size;
  const double image = 3.0 * input.rows * input.cols;
  const int patches = calibration.grid_rows * calibration.grid_cols;
  memory.weights =
      number * static_cast<double>(is_16_bit ? calibration.gpu_weights_16_bit : calibration.gpu_weights_32_bit);
  memory.batches = (1 + spare_share) * batch * number * static_cast<double>(calibration.gpu_values_per_image);
  memory.transfers = 2 * batch * (image + number * patches * calibration.embedding_width);
  if (traits_of(config.descriptor.kind).has_crops) {
    const double side = config.descriptor.crop_size;
    // A crop, as it waits for its batch and in it, and between the two passes of its resizing rows of that width.
    memory.transfers += 2 * batch * 3 * side * (side + side + input.rows);
    memory.transfers += static_cast<double>(shard_images) * (image + 2.0 * patches);
  }
  if (keeps_keys_on_gpu(config)) {
    const double stored = key_type(config.storage) == KeyType::float16 ? 2 : 4;
    memory.transfers +=
        SegmentGpu::shards_on_gpu * static_cast<double>(shard_images) * stored * patches * calibration.embedding_width;
  }
  if (SegmentGpu::takes(config)) {
    memory.graphs = static_cast<double>(
        SegmentGpu::bytes(patches, calibration.embedding_width, affinity_options(config.affinity), threads));
  }
  if (SmoothingGpu::describes(config) || SmoothingGpu::masks(config)) {
    memory.smoothing = static_cast<double>(SmoothingGpu::bytes(patches, calibration.embedding_width, threads));
  }
  return memory;
}

}  // namespace datus
