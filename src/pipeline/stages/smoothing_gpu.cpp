// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/smoothing_gpu.hpp"

#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <string>

namespace datus {
namespace {

/// Of the GPU, for each of the two chunks. At 784 patches of 384 values it is enough for some 80 images.
constexpr std::int64_t chunk_bytes = std::int64_t{512} << 20;

std::int64_t up_to(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::int64_t bytes_of_image(int nodes, int dim) {
  // In f32: embeddings as they come, whose place the result takes; in panels of 128 patches and slices of 16 values; in
  // panels of 128 values and slices of 16 patches; weights likewise; their mean. Rows of whole cache lines, for which
  // patches count, and one byte: whether the embeddings came as f16.
  const std::int64_t as_they_come = std::int64_t{nodes} * dim;
  const std::int64_t panels = up_to(nodes, 128) * up_to(dim, 16);
  const std::int64_t summed = up_to(nodes, 16) * (up_to(dim, 128) + up_to(nodes, 128));
  return 4 * (as_they_come + panels + summed + dim) + up_to(nodes, 512) / 8 + 1;
}

/// Two images for each thread, so that a slow one among them does not leave the others idle for long.
int images_per_chunk(int nodes, int dim, int threads) {
  const std::int64_t affordable = std::max<std::int64_t>(1, chunk_bytes / bytes_of_image(nodes, dim));
  return static_cast<int>(std::min<std::int64_t>(std::max(8, 2 * threads), affordable));
}

}  // namespace

bool SmoothingGpu::describes(const Config& config) {
  return config.descriptor.smoothing && traits_of(config.descriptor.kind).reads_keys;
}

bool SmoothingGpu::masks(const Config& config) {
  return config.descriptor.smoothing && has_dense_labels(config.mask);
}

std::int64_t SmoothingGpu::bytes(int nodes, int dim, int threads) {
  return GpuAffinity::depth * (images_per_chunk(nodes, dim, threads) * bytes_of_image(nodes, dim));
}

GpuSmoothing SmoothingGpu::lend(int nodes, int dim, double temperature, int threads) {
  const Shape wanted{
      .nodes = nodes, .dim = dim, .images = images_per_chunk(nodes, dim, threads), .temperature = temperature};
  if (auto last = smoothing_.take(wanted)) return *std::move(last);
  return {index_, nodes, dim, wanted.images, temperature};
}

std::optional<GpuSmoothing> SmoothingGpu::lend_where_it_fits(int nodes, int dim, double temperature, int threads) {
  if (is_too_small_) return std::nullopt;
  try {
    return lend(nodes, dim, temperature, threads);
  } catch (const DeviceMemoryError& error) {
    is_too_small_ = true;
    log::warning(std::string("Embeddings are smoothed on the processor, with the same result: ") + error.what());
    return std::nullopt;
  }
}

std::unique_ptr<SmoothingGpu> smoothing_on_gpu(const std::optional<int>& gpu, bool is_wanted) {
  return gpu && is_wanted ? std::make_unique<SmoothingGpu>(*gpu) : nullptr;
}

}  // namespace datus
