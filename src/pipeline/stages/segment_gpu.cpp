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
int images_per_chunk(int nodes, int dim, int threads) {
  const std::int64_t bytes_per_image = std::int64_t{nodes} * (std::int64_t{dim} * 4 + nodes / 8 + 64);
  const std::int64_t affordable = std::max<std::int64_t>(1, chunk_bytes / bytes_per_image);
  return static_cast<int>(std::min<std::int64_t>(std::max(8, 2 * threads), affordable));
}

}  // namespace

bool SegmentGpu::makes(const Config& config) {
  if (!uses_graph(config.segment)) return false;
  const bool weighted = is_weighted(config.affinity);
  if (!weighted && !config.affinity.quantile) return true;
  if (!said_) {
    said_ = true;
    log::info(std::string("segment makes the affinity graphs on the CPU: ") +
              (weighted ? "affinity.weights: value" : "affinity.quantile") +
              " needs the affinities themselves, of which a GPU hands back the bits only");
  }
  return false;
}

GpuAffinity SegmentGpu::lend(int nodes, int dim, const AffinityOptions& options, int threads) {
  const Shape wanted{.nodes = nodes, .dim = dim, .images = images_per_chunk(nodes, dim, threads), .options = options};
  std::optional<GpuAffinity> last;
  last.swap(affinity_);
  if (last && shape_ == wanted) return std::move(*last);
  last.reset();  // before more memory is asked for
  shape_ = wanted;
  return {index_, nodes, dim, wanted.images, options};
}

}  // namespace datus
