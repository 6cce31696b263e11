#pragma once

#include "pipeline/pending/run_size.hpp"
#include "pipeline/plan/calibration.hpp"

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

/// What is left to do of a run.
struct RunWork {
  std::int64_t images = 0;  ///< of the whole run, that can be read
  int shard_size = 64;
  double segments = 0;              ///< of the whole run
  std::int64_t extract = 0;         ///< shards, whether keys are stored or not
  std::int64_t segment = 0;         ///< shards
  std::int64_t describe = 0;        ///< shards
  std::vector<int> clusters;        ///< K
  std::vector<std::int64_t> masks;  ///< by K, shards
  bool has_truth = false;
  RunSize write;  ///< bytes that the files to make take
};

/// What a stage takes within `datus run`, or a job of a chain.
struct StageCost {
  std::string name;
  std::string work;  ///< "640 images in 10 shards, at most 2 per rank"
  double seconds = 0;
  double memory_bytes = 0;  ///< peak of a rank
  std::int64_t bytes = 0;   ///< written, by all ranks
  bool uses_model = true;
};

struct RunCost {
  std::vector<StageCost> stages;  ///< start, then the stages in the order of the data flow, and the report
  StageCost total;
  std::vector<StageCost> chain;  ///< `datus extract`, `segment`, `describe`, `cluster`; `mask` with evaluate and report
  double iterations = 0;         ///< of k-means: all that there can be; mini-batch: epochs
  double iteration_seconds = 0;
  double allreduce_seconds = 0;  ///< of that, assumed
};

/// What the run takes: arithmetic alone, see docs/planning.md.
[[nodiscard]] RunCost cost_of_run(const RunWork& work, const Config& config, const Calibration& calibration,
                                  const Allocation& allocation);

/// How long the rank that has most of `shards` shards takes, in the time of one image on one thread: its threads work
/// on one shard after the other, on `batch` images at a time. `images`: of all shards.
[[nodiscard]] double rounds_of_shards(std::int64_t shards, std::int64_t images, int shard_size, std::int64_t batch,
                                      std::int64_t ranks, int threads);
/// The same for images that all ranks share one by one.
[[nodiscard]] double rounds_of_images(std::int64_t images, std::int64_t ranks, int threads);
/// Of an image in the report: itself, its segments, its truth; for each K its mask, with truth that of the classes too.
[[nodiscard]] double pictures_of_image(bool has_truth, std::size_t clusters);
/// Sum over K of the clusters that a row is compared with, in whole groups.
[[nodiscard]] double clusters_in_groups(const std::vector<int>& clusters, int group);

}  // namespace datus
