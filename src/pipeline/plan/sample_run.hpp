// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/plan/calibration.hpp"
#include "pipeline/session/run_context.hpp"

#include <cstdint>
#include <utility>

namespace datus {

/// COLLECTIVE. Takes some of the run's images, spread evenly over its list, through all stages, with their own
/// functions and all ranks, in a folder that is gone afterwards, whatever happened; `run` is opened to look. k-means is
/// timed on rows made up for it, since a sample has too few. `start_seconds`: from the start of the program until now.
/// The same on all ranks. Throws `AgreedError` when nothing can be measured, and when a signal asked for a stop.
[[nodiscard]] Calibration measure_sample(RunContext& run, double seconds, double start_seconds);

/// Images of a sample and its shard size, so that each of `ranks` takes about `rounds` rounds, in which each of its
/// threads takes an image. Shards as the run's, or smaller, for three: one is read, one computed and one written at a
/// time.
[[nodiscard]] std::pair<std::int64_t, int> sample_size(std::int64_t images, int shard_size, int ranks, int threads,
                                                       double rounds);

}  // namespace datus
