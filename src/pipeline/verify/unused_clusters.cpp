// SPDX-License-Identifier: Apache-2.0
#include "pipeline/verify/unused_clusters.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// The K of "k027", or of "k027" with an ending that its files have; nothing for any other name.
std::optional<int> k_of(std::string_view name) {
  if (!name.starts_with('k')) return std::nullopt;
  int k = 0;
  const auto [end, problem] = std::from_chars(name.data() + 1, name.data() + name.size(), k);
  if (problem != std::errc() || k < 1) return std::nullopt;
  const std::string cluster = RunDirectory::cluster_name(k);
  if (!name.starts_with(cluster)) return std::nullopt;
  const std::string_view ending = name.substr(cluster.size());
  constexpr std::array<std::string_view, 5> endings = {"", "-preview", "-packed", ".json", ".h5"};
  return std::ranges::find(endings, ending) != endings.end() ? std::optional(k) : std::nullopt;
}

}  // namespace

std::map<int, std::vector<fs::path>> unused_clusters(const RunDirectory& directory, const std::vector<int>& wanted) {
  std::map<int, std::vector<fs::path>> unused;
  const auto look_into = [&](const fs::path& folder) {
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder, problem)) {
      const auto k = k_of(entry.path().filename().string());
      if (k && std::ranges::find(wanted, *k) == wanted.end()) unused[*k].push_back(entry.path());
    }
  };
  const fs::path masks = directory.masks(1).parent_path();
  for (const fs::path& folder :
       {directory.clusters(1).parent_path(), masks, masks / ".done", directory.scores(1).parent_path()}) {
    look_into(folder);
  }
  for (auto& [k, paths] : unused) std::ranges::sort(paths);
  return unused;
}

}  // namespace datus
