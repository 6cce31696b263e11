#pragma once

#include "pipeline/plan/calibration.hpp"
#include "pipeline/session/run_context.hpp"

#include <cstdint>

namespace datus {

/// COLLECTIVE. Takes some of the run's images, spread evenly over its list, through all stages, with their own
/// functions and all ranks, in a folder beside the run directory that is gone afterwards, whatever happened; `run` is
/// opened to look. A few images come first, to warm up and to learn how many fit `seconds`; k-means is timed on rows
/// made up for it, since a sample has too few. `start_seconds`: from the start of the program until now. The same on
/// all ranks. Throws `AgreedError` when nothing can be measured, and with exit code interrupted when a signal asked for
/// a stop.
[[nodiscard]] Calibration measure_sample(RunContext& run, double seconds, double start_seconds);

/// How a sample is cut so that it takes each of `ranks` about `rounds` rounds, in which each of its threads takes an
/// image. Where that is all of the run's images, or three of its shards for each rank, shards are as the run's; else
/// smaller, for three of them: one is read, one computed and one written at a time.
struct SampleSize {
  std::int64_t images = 0;
  int shard_size = 1;
  friend bool operator==(const SampleSize&, const SampleSize&) = default;
};
[[nodiscard]] SampleSize sample_size(std::int64_t images, int shard_size, int ranks, int threads, double rounds);

}  // namespace datus
