// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// A cluster and the class that a person saw in it; nothing where it is none (`~`).
using ClusterName = std::pair<int, std::optional<std::string>>;

/// A YAML file with a line `CLUSTER: CLASS` for each cluster that has a class; several clusters may share one. In the
/// order of the file. Throws `UsageError` naming file and line: no such map, a cluster that is not one of `clusters`,
/// or that stands there twice.
[[nodiscard]] std::vector<ClusterName> read_cluster_names(const std::filesystem::path& file, int clusters);

}  // namespace datus
