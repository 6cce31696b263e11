// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/cluster.hpp"
#include "pipeline/session/run_context.hpp"

#include <string>
#include <vector>

namespace datus {

/// A value of K whose files are missing, damaged or of another provenance.
struct StaleCluster {
  int k = 0;
  std::string why;  ///< empty when they are merely missing
};

/// COLLECTIVE. Those of cluster.k, in its order. Rank 0 verifies the files; the result is the same on all ranks.
[[nodiscard]] std::vector<StaleCluster> stale_clusters(const RunContext& run);

/// COLLECTIVE. Stage cluster of a run: k-means over the descriptors of all shards, for every K of the configuration;
/// with a fitted run, assignment to its centroids instead. Ranks hold consecutive rows; the result does not depend on
/// their number. Throws `AgreedError` when there is no segment at all, or fewer than K. Returns all values of K in
/// ascending order; what the current files say of those that were up to date is known to rank 0 only, and their number
/// of rows is not.
std::vector<ClusterSummary> cluster_run(const RunContext& run);

}  // namespace datus
