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

/// The K of "k027", of "k027" with an ending behind that the run gives, or of a picture's "000012-k027"; nothing for
/// any other name.
std::optional<int> k_of(std::string_view name) {
  if (!name.starts_with('k')) return std::nullopt;
  int k = 0;
  const auto [end, problem] = std::from_chars(name.data() + 1, name.data() + name.size(), k);
  if (problem != std::errc() || k < 1) return std::nullopt;
  const std::string cluster = RunDirectory::cluster_name(k);
  if (!name.starts_with(cluster)) return std::nullopt;
  const std::string_view ending = name.substr(cluster.size());
  constexpr std::array<std::string_view, 6> endings = {"", "-preview", "-packed", "-classes", ".json", ".h5"};
  return std::ranges::find(endings, ending) != endings.end() ? std::optional(k) : std::nullopt;
}

}  // namespace

std::map<int, std::vector<fs::path>> unused_clusters(const RunDirectory& directory, const std::vector<int>& wanted) {
  std::map<int, std::vector<fs::path>> unused;
  const auto look_into = [&](const fs::path& folder, bool holds_pictures) {
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder, problem)) {
      std::string name = entry.path().filename().string();
      if (holds_pictures) name = entry.path().stem().string().substr(std::min(name.find('-'), name.size() - 1) + 1);
      const auto k = k_of(name);
      if (k && std::ranges::find(wanted, *k) == wanted.end()) unused[*k].push_back(entry.path());
    }
  };
  const fs::path masks = directory.masks(1).parent_path();
  for (const fs::path& folder :
       {directory.clusters(1).parent_path(), masks, masks / ".done", directory.scores(1).parent_path()}) {
    look_into(folder, false);
  }
  look_into(directory.report().parent_path() / "images", true);
  for (auto& [k, paths] : unused) std::ranges::sort(paths);
  return unused;
}

}  // namespace datus
