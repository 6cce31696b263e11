// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/segment_gpu.hpp"

#include "datus/core/log.hpp"
#include "pipeline/inputs/options_of_config.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace datus {
namespace {

/// Pinned memory for a chunk. At 784 patches of 384 values it is enough for some 190 images.
constexpr std::int64_t chunk_bytes = std::int64_t{256} << 20;

/// Two images for each thread, so that a slow one among them does not leave the others idle for long.
int images_per_chunk(int nodes, int dim, const AffinityOptions& options, int threads) {
  const std::int64_t of_row = options.temperature ? std::int64_t{2} * nodes : nodes / 8;
  const std::int64_t bytes_per_image = std::int64_t{nodes} * (std::int64_t{dim} * 4 + of_row + 64);
  const std::int64_t affordable = std::max<std::int64_t>(1, chunk_bytes / bytes_per_image);
  return static_cast<int>(std::min<std::int64_t>(std::max(8, 2 * threads), affordable));
}

}  // namespace

bool SegmentGpu::takes(const Config& config) {
  if (!uses_graph(config.segment)) return false;
  return has_soft_weights(config.affinity) || (!is_weighted(config.affinity) && !config.affinity.quantile);
}

bool SegmentGpu::makes(const Config& config) {
  if (!uses_graph(config.segment)) return false;
  if (takes(config)) return true;
  if (!said_) {
    said_ = true;
    log::info(std::string("segment makes the affinity graphs on the CPU (") +
              (is_weighted(config.affinity) ? "affinity.weights: value" : "affinity.quantile") +
              "): each of their edges depends on all affinities of the image, which only the CPU has at once");
  }
  return false;
}

std::int64_t SegmentGpu::bytes(int nodes, int dim, const AffinityOptions& options, int threads) {
  const auto up_to = [](std::int64_t value, std::int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
  };
  // In f32: the keys as they come, and in panels of 128 patches and slices of 16 values. Bits: rows of whole cache
  // lines, for which patches count and for the graph, unless that has weights of two bytes, in rows of 16, and four
  // bytes for what is wrong with it. One byte: whether the keys came as f16.
  const std::int64_t keys = std::int64_t{4} * nodes * dim;
  const std::int64_t panels = 4 * up_to(nodes, 128) * up_to(dim, 16);
  const std::int64_t mean = options.subtracts_mean() ? std::int64_t{4} * dim : 0;
  const std::int64_t row = up_to(nodes, 512) / 8;
  const std::int64_t graph = options.temperature ? 2 * nodes * up_to(nodes, 8) + 4 : nodes * row;
  const std::int64_t of_image = keys + panels + mean + row + graph + 1;
  const std::int64_t common_mean = std::int64_t{4} * dim;
  return GpuAffinity::depth * (images_per_chunk(nodes, dim, options, threads) * of_image + common_mean);
}

GpuAffinity SegmentGpu::lend(int nodes, int dim, const AffinityOptions& options, int threads) {
  const Shape wanted{
      .nodes = nodes, .dim = dim, .images = images_per_chunk(nodes, dim, options, threads), .options = options};
  if (auto last = affinity_.take(wanted)) return *std::move(last);
  return {index_, nodes, dim, wanted.images, options};
}

GpuKeys SegmentGpu::lend_keys(const GpuKeys::Shape& shape) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find(keys_, shape, &GpuKeys::shape);
    if (found != keys_.end()) {
      GpuKeys keys = std::move(*found);
      keys_.erase(found);
      return keys;
    }
  }
  return {index_, shape};
}

void SegmentGpu::give_back(GpuKeys&& keys) {
  const std::scoped_lock lock(mutex_);
  keys_.push_back(std::move(keys));
}

}  // namespace datus
