// SPDX-License-Identifier: Apache-2.0
#pragma once

// A calibration of round numbers and runs to plan with it: what they cost can be worked out by hand.

#include "pipeline/plan/cost_model.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace datus::test {

inline constexpr double tiny = 1e-9;

/// Round numbers for the stages of images, on two threads in shards of 16; nothing else takes any time.
inline Calibration simple_calibration() {
  Calibration calibration;
  calibration.backend = "test";
  calibration.threads_per_rank = 2;
  calibration.descriptor_width = 64;
  calibration.gpu_weights_16_bit = 25 << 20;
  calibration.gpu_weights_32_bit = 20 << 20;
  calibration.gpu_values_per_image = 1 << 20;
  calibration.listed_images = 1'000'000;
  calibration.shard_size = 16;
  calibration.segments_per_image = 5;
  calibration.decode_thread_seconds_per_image = 0.1;
  calibration.extract_thread_seconds_per_image = 1.1;
  calibration.segment_thread_seconds_per_image = 0.2;
  calibration.describe_thread_seconds_per_image = 0.4;
  return calibration;
}

/// A new run of images.
inline RunPlan new_run(std::int64_t images, int shard_size = 64, std::vector<int> clusters = {}) {
  RunPlan plan;
  plan.images = images;
  plan.shard_size = shard_size;
  plan.shards = (images + shard_size - 1) / shard_size;
  plan.todo.shards.assign(static_cast<std::size_t>(plan.shards), shard_stages);
  for (const int k : clusters) plan.todo.masks[k].resize(static_cast<std::size_t>(plan.shards));
  plan.todo.clusters = std::move(clusters);
  return plan;
}

/// With five segments in each image.
inline RunCost cost_of(const RunPlan& plan, const Config& config, const Calibration& calibration,
                       const Allocation& allocation) {
  return cost_of_run(plan, 5.0 * static_cast<double>(plan.images), config, calibration, allocation);
}

inline Allocation machines(int nodes, int ranks_per_node, int threads) {
  Allocation allocation;
  allocation.nodes = nodes;
  allocation.ranks_per_node = ranks_per_node;
  allocation.cpus_per_rank = threads;
  return allocation;
}

}  // namespace datus::test
