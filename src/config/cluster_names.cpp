// SPDX-License-Identifier: Apache-2.0
#include "datus/config/cluster_names.hpp"

#include "config/yaml_source.hpp"
#include "datus/core/error.hpp"

#include <algorithm>

#include <yaml-cpp/yaml.h>

namespace datus {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const YAML::Mark& mark, const std::string& why) {
  const std::string line = mark.is_null() ? std::string() : ":" + std::to_string(mark.line + 1);
  throw UsageError("Cannot use the names of clusters in " + file.string() + line, why,
                   "Write a line for each cluster that has a class, as '3: reef'; several may have the same class.");
}

int cluster_of(const std::filesystem::path& file, const YAML::Node& node, int clusters) {
  int cluster = -1;
  if (!node.IsScalar() || !YAML::convert<int>::decode(node, cluster) || cluster < 0 || cluster >= clusters) {
    const std::string text = node.IsScalar() ? "'" + node.Scalar() + "'" : "this";
    refuse(file, node.Mark(), text + " is not a cluster from 0 to " + std::to_string(clusters - 1));
  }
  return cluster;
}

}  // namespace

std::vector<ClusterName> read_cluster_names(const std::filesystem::path& file, int clusters) {
  std::string why;
  const auto text = yaml_text(file, why);
  if (!text) refuse(file, {}, why);
  std::vector<ClusterName> names;
  try {
    const YAML::Node root = YAML::Load(*text);
    if (!root.IsMap() || root.size() == 0) refuse(file, root.Mark(), "it is not a map of clusters to classes");
    for (const auto& entry : root) {
      const int cluster = cluster_of(file, entry.first, clusters);
      if (std::ranges::find(names, cluster, &ClusterName::first) != names.end()) {
        refuse(file, entry.first.Mark(), "cluster " + std::to_string(cluster) + " stands there twice");
      }
      if (entry.second.IsNull()) {
        names.emplace_back(cluster, std::nullopt);
      } else if (entry.second.IsScalar() && !entry.second.Scalar().empty()) {
        names.emplace_back(cluster, entry.second.Scalar());
      } else {
        refuse(file, entry.first.Mark(), "cluster " + std::to_string(cluster) + " has no name of a class");
      }
    }
  } catch (const YAML::Exception& error) {
    refuse(file, error.mark, "this is not YAML: " + error.msg);
  }
  return names;
}

}  // namespace datus
