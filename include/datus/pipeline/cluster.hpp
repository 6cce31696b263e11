// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

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
  /// With a tree: the smallest mean cosine distance of two clusters, at which the next two would be joined.
  std::optional<double> separation;
  std::vector<double> separations;  ///< the same of every K that the tree has, from 2 on
};

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
