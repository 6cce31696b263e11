// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace datus {

/// What decides how many groups of ranks k-means is best done in (see `KMeansGroup`). The same on all ranks.
struct GroupProblem {
  std::int64_t rows = 0;
  int dim = 1;
  /// K of each (K, restart) pair; 0 for one that is done.
  std::vector<int> clusters;
  int ranks = 1;
  std::int64_t ranks_per_node = 1;
  std::int64_t threads = 1;  ///< of a rank
  bool on_gpus = false;
  /// Rows that are looked at between two sums over the ranks, how often that is expected, and how many such sums the
  /// first centroids take.
  std::int64_t rows_of_pass = 0;
  double passes = 0;
  double seeding_passes = 0;
};

/// That of `options`, with one thread-rank per node and no GPUs.
[[nodiscard]] GroupProblem group_problem(const KMeansOptions& options, std::int64_t rows, int dim, int ranks);

/// Seconds that k-means takes in so many groups, by the model and the constants of docs/performance.md: of the group
/// that takes longest.
struct GroupTime {
  double products = 0;  ///< of a pass: its rows against its centroids
  double rest = 0;      ///< of a pass: what its ranks do beside, and their sum
  double once = 0;      ///< draws of first centroids; of several groups what they take more at the start and in the end
};
[[nodiscard]] GroupTime modelled_time(const GroupProblem& problem, int groups);

/// All passes of that, and what there is once.
[[nodiscard]] double modelled_seconds(const GroupProblem& problem, int groups);

struct GroupChoice {
  int groups = 1;
  std::string why;  ///< "2 groups of ranks ...: WHY", for the log
};

/// The number of groups that takes the least time by the model, of those for which `fits` holds, but 1 unless that
/// saves a tenth. Arithmetic alone: the same on all ranks.
[[nodiscard]] GroupChoice choose_groups(const GroupProblem& problem, const std::function<bool(int groups)>& fits);

/// As many groups as asked for (cluster.groups), but no more than ranks or pairs that are not done.
[[nodiscard]] GroupChoice asked_groups(const GroupProblem& problem, int groups);

}  // namespace datus
