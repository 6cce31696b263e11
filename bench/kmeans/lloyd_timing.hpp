// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "kmeans/counting_communicator.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::bench {

/// Lloyd's iterations of all values of K together, over shared passes, from given first centroids.
struct LloydSettings {
  std::vector<int> clusters;
  int iterations = 5;
  int threads = 1;
  SimdPath path = best_simd_path();
  KMeansOptions::Mode mode = KMeansOptions::Mode::exact;
};

struct LloydTiming {
  /// Of iteration 1, 2, … on this rank: from the begin of one pass over the local rows to that of the next, with the
  /// allreduce, the update of the centroids and their packing in between.
  std::vector<double> seconds;
  /// What went through the allreduces of each iteration, and how long they took.
  std::vector<CountingCommunicator::Reduction> reductions;
  /// One for each K.
  std::vector<KMeansResult> results;
};

/// COLLECTIVE. `first`: the first centroids of all K one after the other, [sum of K, D]. Throws `UsageError` when a K
/// converges earlier: then there is less work than was asked for.
[[nodiscard]] LloydTiming time_lloyd(const KMeansRows& rows, const LloydSettings& settings,
                                     std::span<const float> first, Communicator& comm);

/// Bytes that one iteration sends through its allreduce in exact mode: a stop flag, and for each K two counters, K x D
/// sums, K counts and K inertias, all of them int64.
[[nodiscard]] std::int64_t bytes_per_iteration(std::span<const int> clusters, int dim);

}  // namespace datus::bench
