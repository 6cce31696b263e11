#pragma once

// A calibration of round numbers and runs to plan with it: what they cost can be worked out by hand.

#include "datus/pipeline/run_cost.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace datus::test {

inline constexpr double tiny = 1e-9;

/// Round numbers for the stages of images; nothing else takes any time.
inline Calibration simple_calibration() {
  Calibration calibration;
  calibration.machine = {.cpu = "test", .torch_backend = "cpu", .ranks = 1, .ranks_per_node = 1, .threads_per_rank = 2};
  calibration.shape = {.grid = {14, 14}, .dim = 64, .descriptor_dim = 64};
  calibration.listed_images = 1'000'000;
  auto& values = calibration.values;
  values.decode_thread_seconds_per_megapixel = 0.1;
  values.forward_thread_seconds_per_image = 1.0;
  values.segment_thread_seconds_per_image = 0.2;
  values.describe_thread_seconds_per_image = 0.4;
  values.segments_per_image = 5;
  values.write_bytes_per_second = 1e30;
  values.read_bytes_per_second = 1e30;
  return calibration;
}

inline WorkPart part_of(std::int64_t images, int shard_size) {
  return {(images + shard_size - 1) / shard_size, images};
}

/// A new run of images of one megapixel with five segments each.
inline RunWork new_run(std::int64_t images, int shard_size = 64, std::vector<int> clusters = {}) {
  RunWork work;
  work.shard_size = shard_size;
  work.all = work.pending = work.decode = work.extract = work.segment = work.describe = part_of(images, shard_size);
  work.megapixels_per_image = 1;
  work.largest_megapixels = 1;
  work.segments = 5.0 * static_cast<double>(images);
  for (const int k : clusters) work.masks[k] = work.all;
  work.clusters = std::move(clusters);
  return work;
}

inline Allocation machines(int nodes, int ranks_per_node, int threads) {
  return {.nodes = nodes,
          .ranks_per_node = ranks_per_node,
          .cpus_per_rank = threads,
          .has_gpus = false,
          .forward_rate = {}};
}

}  // namespace datus::test
