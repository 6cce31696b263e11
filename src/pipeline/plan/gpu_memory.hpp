// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/plan/calibration.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace datus {

/// Bytes that a rank is expected to hold on its GPU: arithmetic on shapes, nothing of it is measured.
struct GpuMemory {
  double weights = 0;  ///< of both models, where descriptors have one of their own
  double batches = 0;  ///< what the model computes of one batch; with what LibTorch's allocator keeps, ASSUMED
  /// Images and results of two batches, the images of a shard that crops are cut from, and the embeddings of three that
  /// graphs and descriptors are made of.
  double transfers = 0;
  double graphs = 0;
  double smoothing = 0;  ///< of embeddings, for descriptors beside the model and for masks without it
  double cluster = 0;    ///< rows of k-means and what it keeps for them; rows that do not fit come piece by piece
  /// ASSUMED: CUDA's context, and what cuBLAS and NCCL take for themselves.
  static constexpr double libraries = 1024.0 * 1024 * 1024;
  [[nodiscard]] double of_shards() const { return weights + batches + transfers + graphs + smoothing + libraries; }
  [[nodiscard]] double of_masks() const { return smoothing + libraries; }
  [[nodiscard]] double of_cluster() const { return cluster + libraries; }
};

/// What LibTorch's allocator keeps beside what is in use, as a share of it. ASSUMED.
inline constexpr double spare_share = 0.25;

/// Of a rank with `threads` threads, shards of `shard_images` images and `rows` rows of k-means, for all of `clusters`.
/// Parts that the configuration keeps on the CPU (`model.device`, `cluster.device`, graphs of affinities as weights, …)
/// are 0.
[[nodiscard]] GpuMemory gpu_memory(const Config& config, const Calibration& calibration, int threads,
                                   std::int64_t shard_images, double rows, const std::vector<int>& clusters);

}  // namespace datus
