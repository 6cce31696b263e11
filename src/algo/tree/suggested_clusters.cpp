// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/cluster_tree.hpp"

#include <algorithm>
#include <cstddef>

namespace datus {

std::vector<double> separations(const ClusterTree& tree) {
  std::vector<double> heights;
  for (auto merge = tree.merges.rbegin(); merge != tree.merges.rend(); ++merge) heights.push_back(merge->height);
  return heights;
}

std::vector<int> suggested_clusters(std::span<const double> separations) {
  constexpr std::size_t largest = 63;
  const std::size_t last = std::min(largest, (separations.size() + 1) / 4);
  const auto lifetime = [&](std::size_t k) { return separations[k - 2] - separations[k - 1]; };
  std::vector<int> suggested;
  for (std::size_t first = 2; first <= last; first *= 2) {
    std::size_t best = first;
    for (std::size_t k = first; k < 2 * first && k <= last; ++k) {
      if (lifetime(k) > lifetime(best)) best = k;
    }
    suggested.push_back(static_cast<int>(best));
  }
  return suggested;
}

}  // namespace datus
