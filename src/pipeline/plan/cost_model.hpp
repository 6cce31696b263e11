// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/plan/calibration.hpp"
#include "pipeline/plan/gpu_memory.hpp"
#include "pipeline/plan/run_plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// The machines that a run is to get.
struct Allocation {
  int nodes = 1;
  int ranks_per_node = 1;  ///< with GPUs one for each
  int cpus_per_rank = 1;   ///< threads
  bool has_gpus = false;
  /// Images per second that a rank takes through the model, as if: then this does not use the cores.
  std::optional<double> forward_rate;
  [[nodiscard]] std::int64_t ranks() const { return std::int64_t{nodes} * ranks_per_node; }
};

/// What a stage takes within `datus run`.
struct StageCost {
  std::string name;
  std::string work;  ///< "640 images in 10 shards, at most 2 per rank"
  double seconds = 0;
  double memory_bytes = 0;    ///< peak of a rank
  std::int64_t bytes = 0;     ///< written, by all ranks
  bool asks_for_gpu = false;  ///< with GPUs: whether a job of its own should have one
  double gpu_bytes = 0;       ///< peak on the GPU of a rank; 0 for a stage that uses none, or has nothing to do
};

struct RunCost {
  std::vector<StageCost> stages;  ///< start, then the stages in the order of the data flow, and the report
  StageCost total;
  double decode_seconds = 0;  ///< part of extract
  double iterations = 0;      ///< of k-means: all that there can be; mini-batch: epochs
  std::string iterations_of;  ///< " epochs (cluster.epochs)": what they are
  double iteration_seconds = 0;
  int groups = 1;          ///< of ranks in k-means
  std::string why_groups;  ///< so many; empty where ranks or pairs of K and restart are too few to be grouped
  GpuMemory gpu_memory;    ///< with GPUs: what makes up the stages' `gpu_bytes`
};

/// What the plan takes, when its images have `segments` in all: arithmetic alone, see docs/planning.md.
[[nodiscard]] RunCost cost_of_run(const RunPlan& plan, double segments, const Config& config,
                                  const Calibration& calibration, const Allocation& allocation);

/// How long the rank that has most of `shards` shards takes, in the time of one image on one thread: its threads work
/// on one shard after the other, on `batch` images at a time. `images`: of all shards.
[[nodiscard]] double rounds_of_shards(std::int64_t shards, std::int64_t images, int shard_size, std::int64_t batch,
                                      std::int64_t ranks, int threads);
/// The same for images that all ranks share one by one.
[[nodiscard]] double rounds_of_images(std::int64_t images, std::int64_t ranks, int threads);
/// Of an image in the report: itself, its segments, its truth; for each K its mask.
[[nodiscard]] double pictures_of_image(bool has_truth, std::size_t clusters);
/// Sum over K and restarts of the clusters that a row is compared with, in whole groups of 16.
[[nodiscard]] double grouped_clusters(const std::vector<int>& clusters, int restarts);

}  // namespace datus
