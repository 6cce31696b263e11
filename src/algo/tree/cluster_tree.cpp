// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/cluster_tree.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>

namespace datus {
namespace {

double weight_of_leaf(std::int64_t rows) {
  return rows > 0 ? static_cast<double>(rows) : 1.0;
}

/// Rows at unit length.
std::vector<double> directions(std::span<const double> centroids, std::size_t dim) {
  std::vector<double> unit(centroids.begin(), centroids.end());
  for (std::size_t row = 0; row * dim < unit.size(); ++row) {
    const auto values = std::span(unit).subspan(row * dim, dim);
    double square = 0;
    for (const double value : values) square += value * value;
    if (!(square > 0) || !std::isfinite(square)) {
      throw InputError("Fine cluster " + std::to_string(row) + " has no direction",
                       "its centroid is zero or not finite", "Set cluster.fine: null, or check the descriptors.");
    }
    const double length = std::sqrt(square);
    for (double& value : values) value /= length;
  }
  return unit;
}

/// Joins clusters two by two. A cluster lives in the slot of its lowest leaf.
class Linkage {
 public:
  Linkage(std::span<const double> centroids, std::size_t dim, std::span<const std::int64_t> weights)
      : size_(weights.size()), distances_(size_ * size_), nearest_(size_), node_(size_) {
    for (const std::int64_t rows : weights) weights_.push_back(weight_of_leaf(rows));
    std::iota(node_.begin(), node_.end(), 0);
    const std::vector<double> unit = directions(centroids, dim);
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t j = i + 1; j < size_; ++j) {
        double cosine = 0;
        for (std::size_t d = 0; d < dim; ++d) cosine += unit[i * dim + d] * unit[j * dim + d];
        set_distance(i, j, std::max(0.0, 1.0 - cosine));
      }
    }
    for (std::size_t i = 0; i < size_; ++i) find_nearest(i);
  }

  ClusterTree grow() {
    ClusterTree tree{.leaves = static_cast<int>(size_), .merges = {}};
    double height = 0;
    while (tree.merges.size() + 1 < size_) {
      const auto [i, j] = closest();
      // Rounding could let a later height fall by the last bit.
      height = std::max(height, distance(i, j));
      const auto ends = std::minmax(node_[i], node_[j]);
      tree.merges.push_back({ends.first, ends.second, height});
      join(i, j);
      node_[i] = static_cast<std::int32_t>(size_ + tree.merges.size() - 1);
    }
    return tree;
  }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] double distance(std::size_t i, std::size_t j) const { return distances_[i * size_ + j]; }
  void set_distance(std::size_t i, std::size_t j, double value) {
    distances_[i * size_ + j] = distances_[j * size_ + i] = value;
  }
  [[nodiscard]] bool is_alive(std::size_t slot) const { return weights_[slot] > 0; }

  /// The nearest of the later slots.
  void find_nearest(std::size_t i) {
    nearest_[i] = none;
    for (std::size_t j = i + 1; j < size_; ++j) {
      if (is_alive(j) && (nearest_[i] == none || distance(i, j) < distance(i, nearest_[i]))) nearest_[i] = j;
    }
  }

  [[nodiscard]] std::pair<std::size_t, std::size_t> closest() const {
    std::size_t best = none;
    for (std::size_t i = 0; i < size_; ++i) {
      if (!is_alive(i) || nearest_[i] == none) continue;
      if (best == none || distance(i, nearest_[i]) < distance(best, nearest_[best])) best = i;
    }
    return {best, nearest_[best]};
  }

  /// Slot j into slot i < j.
  void join(std::size_t i, std::size_t j) {
    const double total = weights_[i] + weights_[j];
    for (std::size_t other = 0; other < size_; ++other) {
      if (other == i || other == j || !is_alive(other)) continue;
      set_distance(i, other, (weights_[i] * distance(i, other) + weights_[j] * distance(j, other)) / total);
    }
    weights_[i] = total;
    weights_[j] = 0;
    for (std::size_t other = 0; other < size_; ++other) {
      if (!is_alive(other)) continue;
      if (other == i || nearest_[other] == i || nearest_[other] == j) {
        find_nearest(other);
      } else if (other < i && nearest_[other] != none &&
                 (distance(other, i) < distance(other, nearest_[other]) ||
                  (distance(other, i) == distance(other, nearest_[other]) && i < nearest_[other]))) {
        nearest_[other] = i;
      }
    }
  }

  std::size_t size_;
  std::vector<double> distances_;
  std::vector<double> weights_;  ///< 0: the slot is empty
  std::vector<std::size_t> nearest_;
  std::vector<std::int32_t> node_;
};

}  // namespace

ClusterTree average_linkage(std::span<const double> centroids, int dim, std::span<const std::int64_t> weights) {
  if (weights.empty() || std::ssize(weights) > most_leaves || dim < 1 ||
      centroids.size() != weights.size() * static_cast<std::size_t>(dim)) {
    throw InputError("A tree of " + std::to_string(weights.size()) + " clusters cannot be made",
                     std::to_string(centroids.size()) + " values of centroids with " + std::to_string(dim) +
                         " dimensions; at most " + std::to_string(most_leaves) + " clusters",
                     "Set a smaller cluster.fine.");
  }
  return Linkage(centroids, static_cast<std::size_t>(dim), weights).grow();
}

std::vector<std::int32_t> cut_tree(const ClusterTree& tree, int clusters, std::span<const std::int64_t> weights) {
  if (clusters < 1 || clusters > tree.leaves) {
    throw UsageError("A tree of " + std::to_string(tree.leaves) + " fine clusters has no " + std::to_string(clusters),
                     "K is at least 1 and at most cluster.fine", "Lower cluster.k, or raise cluster.fine.");
  }
  const auto leaves = static_cast<std::size_t>(tree.leaves);
  // The lowest leaf below each node names its cluster.
  std::vector<std::size_t> parent(leaves + tree.merges.size());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  for (std::size_t i = 0; i + static_cast<std::size_t>(clusters) < leaves; ++i) {
    parent[static_cast<std::size_t>(tree.merges[i].first)] = leaves + i;
    parent[static_cast<std::size_t>(tree.merges[i].second)] = leaves + i;
  }
  for (std::size_t node = parent.size(); node-- > 0;) parent[node] = parent[parent[node]];
  struct Root {
    double weight = 0;
    std::size_t node = 0;
  };
  std::vector<Root> roots;
  std::vector<std::size_t> root_of(parent.size(), parent.size());
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    std::size_t& root = root_of[parent[leaf]];
    if (root == parent.size()) {
      root = roots.size();
      roots.push_back({0, parent[leaf]});
    }
    roots[root].weight += weight_of_leaf(weights[leaf]);
  }
  std::ranges::stable_sort(roots, std::ranges::greater{}, &Root::weight);
  std::vector<std::int32_t> number(parent.size());
  for (std::size_t i = 0; i < roots.size(); ++i) number[roots[i].node] = static_cast<std::int32_t>(i);
  std::vector<std::int32_t> cluster(leaves);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) cluster[leaf] = number[parent[leaf]];
  return cluster;
}

}  // namespace datus
