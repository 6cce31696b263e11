// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/bounds.hpp"
#include "algo/kmeans/checkpoint_schedule.hpp"
#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/summary.hpp"
#include "algo/kmeans/tally.hpp"
#include "datus/algo/kmeans_rows.hpp"
#include "datus/algo/kmeans_state.hpp"
#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace datus::clustering {

/// What every step needs to know.
struct Context {
  const KMeansRows& rows;
  const RowSummary& summary;
  const FixedPointScales& scales;
  const Kernels& kernels;
  int threads;
  Communicator& comm;
  CheckpointSchedule& progress;
  /// KMeansOptions::Mode::fast.
  bool fast = false;
};

/// From so many clusters on bounds pay for their memory in exact mode too.
inline constexpr int bounded_clusters = 128;

/// A pair with what this rank alone knows of it: all of it follows from the local rows and the pair. All but the
/// assignment at the end is for the threads of the processor; an engine on a GPU keeps its own.
struct WorkingPair {
  KMeansPair* pair;
  /// [local rows]; -1 before the first iteration.
  std::vector<std::int32_t> assignment;
  /// Of the local rows by `assignment`.
  Tally totals;
  /// What is known of the rows' distances; empty where it would not pay.
  RowBounds bounds;
  /// The last update of the centroids, which the bounds do not know of yet.
  Drift drift;

  explicit WorkingPair(KMeansPair& of) : pair(&of), totals({}, 0) {}
  /// Makes room for the local rows, none of them assigned, as the pair's phase needs it.
  void begin(const Context& context);
};

struct StopRule {
  int max_iterations = 1;
  double tolerance = 0.0;
};

class Engine;

/// COLLECTIVE. Runs all pairs that are iterating or assigning to KMeansPhase::done together: one pass over the rows and
/// one allreduce per iteration for all that are not done, and where clusters are empty what `refill_empty` takes. Pairs
/// that had begun before an interruption get their assignment back first, in one more pass. Of the restarts that are
/// done, only the best one of each K keeps its assignment. Throws `AgreedError` when a rank was asked to stop or an
/// inertia is too large for its scale.
void run_lloyd(const Context& context, std::unique_ptr<Engine>& engine, const StopRule& rule,
               std::span<WorkingPair> pairs);

/// Whether another pair of the same K that is done as well has a lower inertia, or the same and a lower restart.
[[nodiscard]] bool is_beaten(const KMeansPair& pair, std::span<const WorkingPair> pairs);

}  // namespace datus::clustering
