#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/pipeline/run_context.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What the configuration asks of k-means for these values of K, without functions and GPU.
[[nodiscard]] KMeansOptions kmeans_options(const Config& config, std::vector<int> clusters, int threads);

/// What came out for one K, for the summary that is printed and to choose among several (cluster_selection.hpp).
struct ClusterSummary {
  int k = 0;
  std::int64_t rows = 0;
  int iterations = 0;
  bool converged = false;
  double inertia = 0;
  bool up_to_date = false;           ///< nothing was done: the files were current
  std::optional<double> silhouette;  ///< see `KMeansQuality`
  std::optional<double> stability;
};

/// A value of K whose files are missing, damaged or of another provenance.
struct StaleCluster {
  int k = 0;
  std::string why;  ///< empty when they are merely missing
};

/// COLLECTIVE. Those of cluster.k, in its order. Rank 0 verifies the files; the result is the same on all ranks.
[[nodiscard]] std::vector<StaleCluster> stale_clusters(RunContext& run);

/// COLLECTIVE. Stage cluster of a run: k-means over the descriptors of all shards, for every K of the configuration;
/// with a fitted run, assignment to its centroids instead. Ranks hold consecutive rows; the result does not depend on
/// their number. Throws `AgreedError` when there is no segment at all, or fewer than K. Returns all values of K in
/// ascending order; what the current files say of those that were up to date is known to rank 0 only, and their number
/// of rows is not.
std::vector<ClusterSummary> cluster_run(RunContext& run);

/// COLLECTIVE. `datus cluster --descriptors FILE.h5[:/dataset] … --k … --out FILE`; files and folders, see
/// `find_row_places`. In ascending order of K.
std::vector<ClusterSummary> cluster_to_file(const Config& config, const std::vector<std::string>& descriptors,
                                            const std::filesystem::path& out, int threads, Communicator& comm);

/// COLLECTIVE. `datus cluster --assign FILE.h5[:/dataset] … --centroids FILE.h5:/kK/centroids --out FILE`. Of the
/// configuration only cluster.memory counts.
ClusterSummary assign_to_file(const Config& config, const std::vector<std::string>& descriptors,
                              const std::string& centroids, const std::filesystem::path& out, int threads,
                              Communicator& comm);

}  // namespace datus
