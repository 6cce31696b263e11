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
  calibration.sample.backend = "test";
  calibration.sample.threads_per_rank = 2;
  calibration.sample.descriptor_width = 64;
  calibration.sample.listed_images = 1'000'000;
  calibration.sample.shard_size = 16;
  auto& values = calibration.values;
  values.segments_per_image = 5;
  values.decode_thread_seconds_per_image = 0.1;
  values.extract_thread_seconds_per_image = 1.1;
  values.segment_thread_seconds_per_image = 0.2;
  values.describe_thread_seconds_per_image = 0.4;
  return calibration;
}

/// A new run of images with five segments each.
inline RunWork new_run(std::int64_t images, int shard_size = 64, std::vector<int> clusters = {}) {
  RunWork work;
  work.images = images;
  work.shard_size = shard_size;
  work.segments = 5.0 * static_cast<double>(images);
  work.extract = work.segment = work.describe = (images + shard_size - 1) / shard_size;
  work.masks.assign(clusters.size(), work.extract);
  work.clusters = std::move(clusters);
  return work;
}

inline Allocation machines(int nodes, int ranks_per_node, int threads) {
  Allocation allocation;
  allocation.nodes = nodes;
  allocation.ranks_per_node = ranks_per_node;
  allocation.cpus_per_rank = threads;
  return allocation;
}

}  // namespace datus::test
