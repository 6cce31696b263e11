// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/cluster_tree.hpp"

#include "datus/core/error.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

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

// Additions, products and quotients in a fixed order, none of them fused: the same everywhere, which the functions of
// the C library are not.
constexpr double ln2_high = 0x1.62e42fee00000p-1;  // of few bits: its products with small integers are exact
constexpr double ln2_low = 1.90821492927058770e-10;

/// e^x for -20 <= x <= 0, to some units in the last place.
double exponential(double x) {
  constexpr double log2_e = 1.4426950408889634;
  const double power = std::floor(x * log2_e + 0.5);
  const double rest = (x - power * ln2_high) - power * ln2_low;
  double sum = 1;
  for (int term = 14; term > 0; --term) sum = 1 + sum * rest / term;  // Taylor's series: |rest| is at most half of ln 2
  return std::ldexp(sum, static_cast<int>(power));
}

/// ln x for 0 < x <= 1, to some units in the last place of ln 2.
double logarithm(double x) {
  int power = 0;
  const double part = std::frexp(x, &power);  // 0.5 to 1
  const double z = (part - 0.75) / (part + 0.75);
  const double ln_three_quarters = -0.28768207245178093;
  double sum = 0;
  for (int term = 25; term > 0; term -= 2) sum = sum * z * z + 2.0 / term;  // of the inverse hyperbolic tangent
  return power * ln2_high + (power * ln2_low + (ln_three_quarters + z * sum));
}

double affinity_of(double cosine_distance) {
  return exponential(-std::max(0.0, cosine_distance) / affinity_temperature);
}

/// The cosine distance of two that have this affinity.
double distance_of(double affinity) {
  return affinity < 1 ? -affinity_temperature * logarithm(affinity) : 0;
}

/// Directions [rows, dim] by columns: products with all of them are then made side by side, each in index order.
class Columns {
 public:
  Columns(std::span<const double> unit, std::size_t dim) : rows_(unit.size() / dim), values_(unit.size()) {
    for (std::size_t row = 0; row < rows_; ++row) {
      for (std::size_t d = 0; d < dim; ++d) values_[d * rows_ + row] = unit[row * dim + d];
    }
  }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// cosines [rows]: those with a direction, of the rows from `first` on.
  void cosines(std::span<const double> direction, std::size_t first, std::span<double> cosines) const {
    for (; first + side_by_side <= rows_; first += side_by_side) {
      add_up<side_by_side>(direction, first, &cosines[first]);
    }
    for (; first < rows_; ++first) add_up<1>(direction, first, &cosines[first]);
  }

 private:
  static constexpr std::size_t side_by_side = 8;  // sums that stay in registers

  template <std::size_t count>
  void add_up(std::span<const double> direction, std::size_t first, double* cosines) const {
    double sums[count] = {};
    const double* column = &values_[first];
    for (const double value : direction) {
      for (std::size_t i = 0; i < count; ++i) sums[i] += value * column[i];
      column += rows_;
    }
    std::copy_n(sums, count, cosines);
  }

  std::size_t rows_;
  std::vector<double> values_;
};

/// [leaves, leaves] of directions.
std::vector<double> affinities_between(std::span<const double> unit, std::size_t dim, int threads) {
  const Columns all(unit, dim);
  std::vector<double> affinities(all.rows() * all.rows());
  parallel_for(static_cast<std::int64_t>(all.rows()), threads, [&](std::int64_t row) {
    const auto i = static_cast<std::size_t>(row);
    const auto values = std::span(affinities).subspan(i * all.rows(), all.rows());
    all.cosines(unit.subspan(i * dim, dim), i + 1, values);
    for (std::size_t j = i + 1; j < all.rows(); ++j) values[j] = affinity_of(1.0 - values[j]);
  });
  for (std::size_t i = 0; i < all.rows(); ++i) {
    affinities[i * all.rows() + i] = 1.0;
    for (std::size_t j = 0; j < i; ++j) affinities[i * all.rows() + j] = affinities[j * all.rows() + i];
  }
  return affinities;
}

/// Joins clusters two by two. A cluster lives in the slot of its lowest leaf.
class Linkage {
 public:
  Linkage(std::vector<double> affinities, std::span<const std::int64_t> weights)
      : size_(weights.size()), affinities_(std::move(affinities)), nearest_(size_), node_(size_) {
    for (const std::int64_t rows : weights) weights_.push_back(weight_of_leaf(rows));
    std::iota(node_.begin(), node_.end(), 0);
    for (std::size_t i = 0; i < size_; ++i) find_nearest(i);
  }

  ClusterTree grow() {
    ClusterTree tree{.leaves = static_cast<int>(size_), .merges = {}};
    double affinity_of_last = 1;
    while (tree.merges.size() + 1 < size_) {
      const auto [i, j] = closest();
      // Rounding could let a later one rise by the last bit.
      affinity_of_last = std::min(affinity_of_last, affinity(i, j));
      const auto ends = std::minmax(node_[i], node_[j]);
      tree.merges.push_back({ends.first, ends.second, distance_of(affinity_of_last)});
      join(i, j);
      node_[i] = static_cast<std::int32_t>(size_ + tree.merges.size() - 1);
    }
    return tree;
  }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] double affinity(std::size_t i, std::size_t j) const { return affinities_[i * size_ + j]; }
  void set_affinity(std::size_t i, std::size_t j, double value) {
    affinities_[i * size_ + j] = affinities_[j * size_ + i] = value;
  }
  [[nodiscard]] bool is_alive(std::size_t slot) const { return weights_[slot] > 0; }

  /// The nearest of the later slots.
  void find_nearest(std::size_t i) {
    nearest_[i] = none;
    for (std::size_t j = i + 1; j < size_; ++j) {
      if (is_alive(j) && (nearest_[i] == none || affinity(i, j) > affinity(i, nearest_[i]))) nearest_[i] = j;
    }
  }

  [[nodiscard]] std::pair<std::size_t, std::size_t> closest() const {
    std::size_t best = none;
    for (std::size_t i = 0; i < size_; ++i) {
      if (!is_alive(i) || nearest_[i] == none) continue;
      if (best == none || affinity(i, nearest_[i]) > affinity(best, nearest_[best])) best = i;
    }
    return {best, nearest_[best]};
  }

  /// Slot j into slot i < j.
  void join(std::size_t i, std::size_t j) {
    const double total = weights_[i] + weights_[j];
    for (std::size_t other = 0; other < size_; ++other) {
      if (other == i || other == j || !is_alive(other)) continue;
      set_affinity(i, other, (weights_[i] * affinity(i, other) + weights_[j] * affinity(j, other)) / total);
    }
    weights_[i] = total;
    weights_[j] = 0;
    for (std::size_t other = 0; other < size_; ++other) {
      if (!is_alive(other)) continue;
      if (other == i || nearest_[other] == i || nearest_[other] == j) {
        find_nearest(other);
      } else if (other < i && nearest_[other] != none &&
                 (affinity(other, i) > affinity(other, nearest_[other]) ||
                  (affinity(other, i) == affinity(other, nearest_[other]) && i < nearest_[other]))) {
        nearest_[other] = i;
      }
    }
  }

  std::size_t size_;
  std::vector<double> affinities_;
  std::vector<double> weights_;  ///< 0: the slot is empty
  std::vector<std::size_t> nearest_;
  std::vector<std::int32_t> node_;
};

void check(std::span<const double> centroids, int dim, std::size_t clusters) {
  if (clusters > 0 && clusters <= most_leaves && dim > 0 &&
      centroids.size() == clusters * static_cast<std::size_t>(dim)) {
    return;
  }
  throw InputError("A tree of " + std::to_string(clusters) + " clusters cannot be made",
                   std::to_string(centroids.size()) + " values of centroids with " + std::to_string(dim) +
                       " dimensions; at most " + std::to_string(most_leaves) + " clusters",
                   "Set a smaller cluster.fine.");
}

/// For each row the other that is nearest by cosine.
std::vector<std::size_t> nearest_of(std::span<const double> unit, std::span<const double> others, std::size_t dim,
                                    int threads) {
  const Columns all(others, dim);
  std::vector<std::size_t> nearest(unit.size() / dim);
  parallel_for(std::ssize(nearest), threads, [&](std::int64_t row) {
    const auto i = static_cast<std::size_t>(row);
    std::vector<double> cosines(all.rows());
    all.cosines(unit.subspan(i * dim, dim), 0, cosines);
    nearest[i] = static_cast<std::size_t>(std::ranges::max_element(cosines) - cosines.begin());
  });
  return nearest;
}

/// Adds to `sums` [leaves, leaves] for each two leaves the affinity at which the tree joins the nodes of both.
void add_joined_affinities(const ClusterTree& tree, std::span<const std::size_t> node_of_leaf, std::span<double> sums) {
  const std::size_t size = node_of_leaf.size();
  std::vector<std::vector<std::size_t>> below(static_cast<std::size_t>(tree.leaves) + tree.merges.size());
  for (std::size_t leaf = 0; leaf < size; ++leaf) below[node_of_leaf[leaf]].push_back(leaf);
  for (std::size_t node = 0; node < static_cast<std::size_t>(tree.leaves); ++node) {
    for (const std::size_t i : below[node]) {
      for (const std::size_t j : below[node]) sums[i * size + j] += 1.0;
    }
  }
  std::size_t node = static_cast<std::size_t>(tree.leaves);
  for (const ClusterTree::Merge& merge : tree.merges) {
    std::vector<std::size_t>& first = below[static_cast<std::size_t>(merge.first)];
    const std::vector<std::size_t>& second = below[static_cast<std::size_t>(merge.second)];
    const double affinity = affinity_of(merge.height);
    for (const std::size_t i : first) {
      for (const std::size_t j : second) {
        sums[i * size + j] += affinity;
        sums[j * size + i] += affinity;
      }
    }
    first.insert(first.end(), second.begin(), second.end());
    below[node++] = std::move(first);
  }
}

}  // namespace

ClusterTree average_linkage(std::span<const double> centroids, int dim, std::span<const std::int64_t> weights,
                            int threads) {
  check(centroids, dim, weights.size());
  const auto width = static_cast<std::size_t>(dim);
  return Linkage(affinities_between(directions(centroids, width), width, threads), weights).grow();
}

ClusterTree agreed_tree(std::span<const double> centroids, int dim, std::span<const std::int64_t> weights,
                        std::span<const std::vector<double>> fits, int threads) {
  if (fits.size() < 2) return average_linkage(centroids, dim, weights, threads);
  check(centroids, dim, weights.size());
  const auto width = static_cast<std::size_t>(dim);
  const std::vector<double> leaves = directions(centroids, width);
  std::vector<double> affinities(weights.size() * weights.size());
  for (const std::vector<double>& fit : fits) {
    const std::size_t size = fit.size() / width;
    check(fit, dim, size);
    const std::vector<double> unit = directions(fit, width);
    const std::vector<std::size_t> nearest = nearest_of(leaves, unit, width, threads);
    std::vector<std::int64_t> weight(size);
    for (std::size_t leaf = 0; leaf < nearest.size(); ++leaf) weight[nearest[leaf]] += weights[leaf];
    const ClusterTree tree = Linkage(affinities_between(unit, width, threads), weight).grow();
    add_joined_affinities(tree, nearest, affinities);
  }
  for (double& affinity : affinities) affinity /= static_cast<double>(fits.size());
  return Linkage(std::move(affinities), weights).grow();
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
