#pragma once

#include "datus/config/config.hpp"
#include "datus/pipeline/calibration.hpp"
#include "pipeline/pending/run_size.hpp"

#include <cstdint>
#include <map>
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
  /// Images per second that a rank takes through the model, in place of the measured forward passes: then these do not
  /// use the cores, and decoding overlaps with them.
  std::optional<double> forward_rate;
  [[nodiscard]] std::int64_t ranks() const { return std::int64_t{nodes} * ranks_per_node; }
};

/// Some images in some shards.
struct WorkPart {
  std::int64_t shards = 0;
  std::int64_t images = 0;
  friend bool operator==(const WorkPart&, const WorkPart&) = default;
};

/// What is left to do of a run, in numbers.
struct RunWork {
  WorkPart all;  ///< of the whole run; images that can be read
  int shard_size = 64;
  double megapixels_per_image = 0;  ///< of the originals
  double largest_megapixels = 0;
  double segments = 0;  ///< of the whole run
  WorkPart pending;     ///< shards that anything is done for
  WorkPart decode;
  WorkPart extract;  ///< forward passes, whether keys are stored or not
  WorkPart segment;
  WorkPart describe;
  WorkPart read_keys;
  std::vector<int> clusters;
  std::map<int, WorkPart> masks;  ///< by K
  bool has_truth = false;
  RunSize write;                  ///< bytes that the files to make take
  std::int64_t verify_bytes = 0;  ///< of files that are there and are verified first
};

/// What a stage takes within `datus run`.
struct StageCost {
  std::string name;
  std::string work;  ///< "31 shards of 64 images for the busiest rank"
  double seconds = 0;
  std::int64_t bytes = 0;         ///< written, by all ranks
  std::int64_t memory_bytes = 0;  ///< peak of a rank
};

/// What a job of a chain takes: `datus extract`, `segment`, `describe`, `cluster`, and `mask` with evaluate and report.
struct JobCost {
  std::string name;
  double seconds = 0;
  std::int64_t memory_bytes = 0;
  bool uses_model = false;
};

/// k-means' part, to say what was assumed.
struct ClusterCost {
  double seconds = 0;            ///< all of it, from reading the rows to writing the assignment
  double start_seconds = 0;      ///< of that, choosing the first centroids
  double iteration_seconds = 0;  ///< of one
  double allreduce_seconds = 0;  ///< of that
  std::int64_t iterations = 0;   ///< counted; mini-batch: batches
  bool streams = false;          ///< rows that do not fit cluster.memory are read again in each pass
  std::int64_t passes = 0;       ///< over the rows, in all
};

struct RunCost {
  std::vector<StageCost> stages;  ///< start, then the stages in the order of the data flow, then the report
  double seconds = 0;
  std::int64_t bytes = 0;
  std::int64_t memory_bytes = 0;  ///< the largest peak of a rank
  ClusterCost cluster;
  double shard_write_seconds = 0;  ///< of the busiest rank, behind the computing
  double shard_compute_seconds =
      0;  ///< of the busiest rank: extract, segment and describe without waiting for the disk
  double write_bytes_per_second = 0;  ///< of all ranks while shards are computed
  std::vector<JobCost> chain;         ///< empty with storage.embeddings: none, which keeps no keys for a second job
};

/// What the run takes: arithmetic alone. Shards are the unit of work: the busiest rank has ⌈shards / ranks⌉ of them,
/// and in each of them threads take whole images. Stages of a shard share the rank's cores, so their times add up;
/// writing runs behind them and counts only where it takes longer. docs/planning.md has the formulas.
[[nodiscard]] RunCost cost_of_run(const RunWork& work, const Config& config, const Calibration& calibration,
                                  const Allocation& allocation);

/// The part of the cost that k-means over `segments` rows has.
[[nodiscard]] ClusterCost cost_of_clusters(const RunWork& work, const Config& config, const Calibration& calibration,
                                           const Allocation& allocation);

/// Bytes of a rank that has listed the images and does nothing else yet; with more images than were listed when it was
/// measured, their list takes more.
[[nodiscard]] std::int64_t memory_of_process(const RunWork& work, const Calibration& calibration);

/// Bytes of one rank at most in the three stages of shards, in k-means, and in masks, evaluate and report.
[[nodiscard]] std::int64_t memory_of_shards(const RunWork& work, const Config& config, const Calibration& calibration,
                                            const Allocation& allocation);
[[nodiscard]] std::int64_t memory_of_clusters(const RunWork& work, const Config& config, const Calibration& calibration,
                                              const Allocation& allocation);
[[nodiscard]] std::int64_t memory_of_images(const RunWork& work, const Calibration& calibration,
                                            const Allocation& allocation, double bytes_per_thread);

/// Seconds of an allreduce of `bytes` over `ranks` ranks: 2 ⌈log2 P⌉ steps and 2 (P - 1) / P of the bytes. Where the
/// calibration had one rank only, 20 µs a step and 1 GB/s are assumed.
[[nodiscard]] double allreduce_seconds(const CalibrationValues& values, std::int64_t ranks, double bytes);

/// How long `count` equal pieces take, in the time of one, when `threads` work on them, `batch` at a
/// time.
[[nodiscard]] std::int64_t rounds_of(std::int64_t count, std::int64_t batch, int threads);

/// The part of a rank that has most of it: whole shards.
[[nodiscard]] WorkPart busiest_rank(const WorkPart& part, int shard_size, std::int64_t ranks);

}  // namespace datus
