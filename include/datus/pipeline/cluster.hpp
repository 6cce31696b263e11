#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/pipeline/run_context.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace datus {

/// What came out for one K, for the summary that is printed.
struct ClusterSummary {
  int k = 0;
  std::int64_t rows = 0;
  int iterations = 0;
  bool converged = false;
  double inertia = 0;
  bool up_to_date = false;  ///< nothing was done: the files were current
};

/// COLLECTIVE. Stage cluster of a run: k-means over the descriptors of all shards, for every K of the configuration;
/// with a fitted run, assignment to its centroids instead. Ranks hold consecutive rows; the result does not depend on
/// their number. Throws `AgreedError` when there is no segment at all, or fewer than K.
std::vector<ClusterSummary> cluster_run(RunContext& run);

/// COLLECTIVE. `datus cluster --descriptors FILE.h5[:/dataset] --k … --out FILE`.
std::vector<ClusterSummary> cluster_to_file(const Config& config, const std::string& descriptors,
                                            const std::filesystem::path& out, int threads, Communicator& comm);

/// COLLECTIVE. `datus cluster --assign FILE.h5[:/dataset] --centroids FILE.h5:/kK/centroids --out FILE`.
ClusterSummary assign_to_file(const std::string& descriptors, const std::string& centroids,
                              const std::filesystem::path& out, int threads, Communicator& comm);

}  // namespace datus
