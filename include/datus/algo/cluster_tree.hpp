// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// Fine clusters joined two by two until one is left. Nodes 0 ... leaves - 1 are the fine clusters; merge i makes node
/// leaves + i of two earlier ones, the lower first.
struct ClusterTree {
  struct Merge {
    std::int32_t first = 0;
    std::int32_t second = 0;
    double height = 0;  ///< distance of the two when they were joined, 0 to 2; never falls from merge to merge
    friend bool operator==(const Merge&, const Merge&) = default;
  };
  int leaves = 0;
  std::vector<Merge> merges;  ///< [leaves - 1]
  friend bool operator==(const ClusterTree&, const ClusterTree&) = default;
};

/// Average linkage (UPGMA) of affinities: that of two clusters is the mean of exp((cos - 1) / T) over all pairs of
/// their leaves, each counting as often as it weighs, T = `affinity_temperature`. The two with the largest are joined;
/// ties go to the lowest nodes. Their height is the cosine distance of two leaves with that affinity. Pairs that have
/// little in common weigh nothing, however far apart they are: in a mean of distances they keep alike clusters from
/// being joined (docs/quality.md).
///
/// `centroids` [leaves, dim], row-major; `weights` [leaves], of rows for example: a leaf with weight 0 counts as 1. All
/// in f64 in index order, so the same bits everywhere, on any number of threads. Not collective; O(leaves^2) memory,
/// and time for most data. Throws `InputError` for no leaf, more than `most_leaves`, sizes that do not agree, or a
/// centroid that has no direction.
[[nodiscard]] ClusterTree average_linkage(std::span<const double> centroids, int dim,
                                          std::span<const std::int64_t> weights, int threads = 1);
/// The tree that several fits of the same rows agree on, over the leaves of one of them: average linkage, as above, of
/// the mean of the fits' own opinions. `fits`: the centroids [any number, dim] of each, the one with the leaves among
/// them. The opinion of a fit on two leaves is the affinity at which its own tree (each of its centroids weighs what
/// the leaves that are nearest to it do) joins the two centroids that are nearest to them by cosine, the lowest on
/// ties; 1 where they are the same. A start of k-means decides where large clusters are cut in two; what most of many
/// starts join is together (docs/quality.md). For fewer than two fits it is `average_linkage`.
///
/// Errors as above; time and memory for each fit as for a tree. Source of the idea: Fred and Jain, "Combining Multiple
/// Clusterings Using Evidence Accumulation", IEEE Transactions on Pattern Analysis and Machine Intelligence 27 (2005);
/// there a fit's opinion is whether the two are in one cluster.
[[nodiscard]] ClusterTree agreed_tree(std::span<const double> centroids, int dim, std::span<const std::int64_t> weights,
                                      std::span<const std::vector<double>> fits, int threads = 1);
inline constexpr int most_leaves = 4096;
inline constexpr double affinity_temperature = 0.15;

/// The cluster of each leaf [leaves] when the tree is cut at `clusters` of them, numbered by falling weight (as above),
/// equal ones by their lowest leaf. Throws `UsageError` unless 1 <= clusters <= leaves.
[[nodiscard]] std::vector<std::int32_t> cut_tree(const ClusterTree& tree, int clusters,
                                                 std::span<const std::int64_t> weights);

/// The height at which 2, 3, ... leaves clusters would become one fewer: it falls from each to the next.
[[nodiscard]] std::vector<double> separations(const ClusterTree& tree);

/// Numbers of clusters that stand out in such a curve, without labels: in each doubling of K, from 2 and 3 to 32 to 63,
/// the K that the tree keeps over the widest range of heights (its lifetime: what it takes to join the next two, minus
/// what it took to come from K + 1), the lowest on ties. No more than a quarter of the leaves: of more the fine
/// clusters themselves decide. Empty for a tree of fewer than 8 leaves.
///
/// Source of the criterion: Fred and Jain, "Combining Multiple Clusterings Using Evidence Accumulation", IEEE
/// Transactions on Pattern Analysis and Machine Intelligence 27 (2005); there over all K.
[[nodiscard]] std::vector<int> suggested_clusters(std::span<const double> separations);

}  // namespace datus
