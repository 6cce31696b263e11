#pragma once

#include "algo/kmeans_kernels.hpp"
#include "algo/kmeans_summary.hpp"
#include "datus/algo/kmeans_rows.hpp"
#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace datus::lloyd {

/// What every step needs to know.
struct Context {
  const KMeansRows& rows;
  const RowSummary& summary;
  const FixedPointScales& scales;
  const Kernels& kernels;
  int threads;
  Communicator& comm;
};

enum class Phase {
  iterating,
  /// The centroids are final, the assignment is not yet to them.
  assigning,
  done,
};

/// All that is known of one (K, restart) pair between two iterations. Centroids, inertia, converged, repairs and phase
/// are the same on all ranks; the rest belongs to the local rows and follows from them.
struct KMeansPairState {
  int clusters = 0;
  int restart = 0;
  Phase phase = Phase::iterating;
  /// [K, D].
  std::vector<float> centroids;
  /// [local rows]; -1 before the first iteration.
  std::vector<std::int32_t> assignment;
  /// [K, D] and [K]: fixed-point sums and numbers of the local rows by `assignment`; empty after the iterations.
  std::vector<std::int64_t> sums;
  std::vector<std::int64_t> counts;
  std::vector<double> inertia;
  double final_inertia = 0.0;
  bool converged = false;
  std::int64_t repairs = 0;

  /// Phase::iterating: makes room for `rows` local rows of length `dim`, none of them assigned.
  void begin(std::int64_t rows, int dim);
  /// Phase::assigning: the centroids are final.
  void end_iterations();
};

struct StopRule {
  int max_iterations = 1;
  double tolerance = 0.0;
  std::function<bool()> stop_requested;
};

/// COLLECTIVE. Runs all pairs to Phase::done together: one pass over the rows and one allreduce per iteration for all
/// that are not done. Throws `AgreedError` when a rank was asked to stop or an inertia is too large for its scale.
void run_lloyd(const Context& context, const StopRule& rule, std::span<KMeansPairState> pairs);

}  // namespace datus::lloyd
