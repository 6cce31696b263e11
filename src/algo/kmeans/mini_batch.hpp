// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/lloyd.hpp"

#include <cstdint>
#include <vector>

namespace datus::clustering {

struct MiniBatchSettings {
  std::uint64_t seed = 0;
  std::int64_t batch_size = 2048;
  int epochs = 50;
};

/// COLLECTIVE. Takes pairs from KMeansPhase::iterating to KMeansPhase::assigning by mini-batches, as `kmeans` defines
/// them: all pairs over the same batches, one allreduce for each batch. Goes on from a pair's `mini_batch`; pairs that
/// are behind the others catch up first. An epoch counts as a pass for checkpoints, but a stop is agreed after any
/// batch. Throws `AgreedError` when a rank was asked to stop.
void run_mini_batches(const Context& context, const MiniBatchSettings& settings, const std::vector<KMeansPair*>& pairs);

}  // namespace datus::clustering
