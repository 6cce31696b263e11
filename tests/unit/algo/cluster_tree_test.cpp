// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/cluster_tree.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace cluster_tree_test {

struct Case {
  int leaves;
  int dim;
  std::vector<double> centroids;
  std::vector<std::int64_t> weights;
};

Case random_case(int leaves, int dim, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0.3, 1.0);
  Case made{leaves, dim, {}, {}};
  for (int i = 0; i < leaves * dim; ++i) made.centroids.push_back(normal(generator));
  for (int i = 0; i < leaves; ++i) made.weights.push_back(static_cast<std::int64_t>(generator() % 100));
  return made;
}

double affinity(const Case& data, std::size_t i, std::size_t j) {
  const auto dim = static_cast<std::size_t>(data.dim);
  double product = 0;
  double first = 0;
  double second = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    const double a = data.centroids[i * dim + d];
    const double b = data.centroids[j * dim + d];
    product += a * b;
    first += a * a;
    second += b * b;
  }
  return std::exp((product / std::sqrt(first * second) - 1) / 0.15);
}

using Affinities = std::vector<std::vector<double>>;

Affinities affinities_of(const Case& data) {
  Affinities all(data.weights.size(), std::vector<double>(data.weights.size()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) all[i][j] = affinity(data, i, j);
  }
  return all;
}

/// The definition: sets of leaves, and means over all pairs of them.
std::vector<std::vector<std::size_t>> plain_cut(const Affinities& affinities, const std::vector<std::int64_t>& weights,
                                                int clusters, std::vector<double>& heights) {
  std::vector<std::vector<std::size_t>> sets;
  for (std::size_t i = 0; i < weights.size(); ++i) sets.push_back({i});
  const auto weight = [&](std::size_t leaf) { return static_cast<double>(std::max<std::int64_t>(1, weights[leaf])); };
  while (std::ssize(sets) > clusters) {
    double best = 0;
    std::size_t first = 0;
    std::size_t second = 0;
    for (std::size_t a = 0; a < sets.size(); ++a) {
      for (std::size_t b = a + 1; b < sets.size(); ++b) {
        double sum = 0;
        double total = 0;
        for (const auto i : sets[a]) {
          for (const auto j : sets[b]) {
            sum += weight(i) * weight(j) * affinities[i][j];
            total += weight(i) * weight(j);
          }
        }
        if (sum / total > best) best = sum / total, first = a, second = b;
      }
    }
    heights.push_back(-0.15 * std::log(best));
    sets[first].insert(sets[first].end(), sets[second].begin(), sets[second].end());
    sets.erase(sets.begin() + static_cast<std::ptrdiff_t>(second));
  }
  return sets;
}

std::vector<std::vector<std::size_t>> plain_cut(const Case& data, int clusters, std::vector<double>& heights) {
  return plain_cut(affinities_of(data), data.weights, clusters, heights);
}

void expect_cut(const std::vector<std::int32_t>& labels, const std::vector<std::vector<std::size_t>>& sets) {
  std::set<std::int32_t> found;
  for (const auto& leaves : sets) {
    for (const auto leaf : leaves) ASSERT_EQ(labels[leaf], labels[leaves.front()]) << leaf;
    found.insert(labels[leaves.front()]);
  }
  ASSERT_EQ(found.size(), sets.size());
  ASSERT_EQ(*found.begin(), 0);
  ASSERT_EQ(*found.rbegin(), std::ssize(sets) - 1);
}

TEST(ClusterTree, IsTheMeanOverAllPairsOfLeaves) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    const Case data = random_case(2 + static_cast<int>(seed), 5, seed);
    const ClusterTree tree = average_linkage(data.centroids, data.dim, data.weights);
    ASSERT_EQ(std::ssize(tree.merges), data.leaves - 1);
    for (int clusters = 1; clusters <= data.leaves; ++clusters) {
      std::vector<double> heights;
      const auto sets = plain_cut(data, clusters, heights);
      for (std::size_t i = 0; i < heights.size(); ++i) ASSERT_NEAR(tree.merges[i].height, heights[i], 1e-12);
      expect_cut(cut_tree(tree, clusters, data.weights), sets);
    }
  }
}

/// [leaves of `data`, the same]: at which affinity the tree over the centroids of a fit joins the nearest of each.
Affinities opinion_of(const std::vector<double>& fit, const Case& data) {
  const int size = static_cast<int>(std::ssize(fit)) / data.dim;
  Case both{size + data.leaves, data.dim, fit, std::vector<std::int64_t>(static_cast<std::size_t>(size))};
  both.centroids.insert(both.centroids.end(), data.centroids.begin(), data.centroids.end());
  const auto fitted = static_cast<std::size_t>(size);
  std::vector<std::size_t> nearest;
  for (std::size_t leaf = 0; leaf < data.weights.size(); ++leaf) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < fitted; ++i) {
      if (affinity(both, fitted + leaf, i) > affinity(both, fitted + leaf, best)) best = i;
    }
    nearest.push_back(best);
    both.weights[best] += data.weights[leaf];
  }
  const Case own{size, data.dim, fit, both.weights};
  Affinities opinion(data.weights.size(), std::vector<double>(data.weights.size(), 1.0));
  // From the finest cut to the coarsest: two are joined by the merge after the last cut that has them apart.
  for (int clusters = size; clusters > 1; --clusters) {
    std::vector<double> heights;
    const auto sets = plain_cut(own, clusters, heights);
    (void)plain_cut(own, clusters - 1, heights);
    std::vector<std::size_t> set_of(fitted);
    for (std::size_t set = 0; set < sets.size(); ++set) {
      for (const auto i : sets[set]) set_of[i] = set;
    }
    for (std::size_t i = 0; i < opinion.size(); ++i) {
      for (std::size_t j = 0; j < opinion.size(); ++j) {
        if (set_of[nearest[i]] != set_of[nearest[j]]) opinion[i][j] = std::exp(-heights.back() / 0.15);
      }
    }
  }
  return opinion;
}

TEST(ClusterTree, OfSeveralFitsIsThatOfTheirMeanOpinion) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const Case data = random_case(3 + static_cast<int>(seed), 4, seed);
    std::vector<std::vector<double>> fits = {data.centroids};
    for (unsigned other = 1; other <= 1 + seed % 3; ++other) {
      fits.push_back(random_case(2 + static_cast<int>((seed + other) % 9), 4, 100 * seed + other).centroids);
    }
    Affinities mean(data.weights.size(), std::vector<double>(data.weights.size()));
    for (const std::vector<double>& fit : fits) {
      const Affinities opinion = opinion_of(fit, data);
      for (std::size_t i = 0; i < mean.size(); ++i) {
        for (std::size_t j = 0; j < mean.size(); ++j) mean[i][j] += opinion[i][j] / static_cast<double>(fits.size());
      }
    }
    const ClusterTree tree = agreed_tree(data.centroids, data.dim, data.weights, fits);
    std::vector<double> heights;
    (void)plain_cut(mean, data.weights, 1, heights);
    ASSERT_EQ(tree.merges.size(), heights.size());
    for (std::size_t i = 0; i < heights.size(); ++i) ASSERT_NEAR(tree.merges[i].height, heights[i], 1e-12) << seed;
    for (int clusters = 1; clusters <= data.leaves; ++clusters) {
      // Leaves that all fits see alike are joined in an order that rounding decides.
      const auto joined = static_cast<std::size_t>(data.leaves - clusters);
      if (joined > 0 && joined < heights.size() && heights[joined] - heights[joined - 1] < 1e-9) continue;
      std::vector<double> below;
      expect_cut(cut_tree(tree, clusters, data.weights), plain_cut(mean, data.weights, clusters, below));
    }
  }
}

TEST(ClusterTree, OneOpinionIsItsOwnTree) {
  const Case data = random_case(50, 6, 21);
  const ClusterTree own = average_linkage(data.centroids, data.dim, data.weights);
  const std::vector<std::vector<double>> once = {data.centroids};
  EXPECT_EQ(agreed_tree(data.centroids, data.dim, data.weights, {}), own);
  EXPECT_EQ(agreed_tree(data.centroids, data.dim, data.weights, once), own);
  const std::vector<std::vector<double>> thrice(3, data.centroids);
  const ClusterTree tree = agreed_tree(data.centroids, data.dim, data.weights, thrice);
  for (int clusters = 1; clusters <= data.leaves; ++clusters) {
    EXPECT_EQ(cut_tree(tree, clusters, data.weights), cut_tree(own, clusters, data.weights)) << clusters;
  }
  EXPECT_EQ(agreed_tree(data.centroids, data.dim, data.weights, thrice, 4), tree);
  EXPECT_EQ(average_linkage(data.centroids, data.dim, data.weights, 4), own);
}

// One fit that saw two groups as one is outvoted.
TEST(ClusterTree, MostFitsDecide) {
  const std::vector<double> leaves = {1, 0, 0, 0.8, 0.6, 0, 0, 1, 0, 0, 0.95, 0.3};
  const std::vector<std::int64_t> weights(4, 1);
  const std::vector<double> right = {1, 0.1, 0, 0, 1, 0.1};
  const std::vector<double> wrong = {0.9, 0, -0.6, 0.5, 0.5, 0.5};  // the first leaf alone, and all others
  const auto groups = cut_tree(agreed_tree(leaves, 3, weights, std::vector{wrong, right, right}), 2, weights);
  EXPECT_EQ(groups, (std::vector<std::int32_t>{0, 0, 1, 1}));
  const auto misled = cut_tree(agreed_tree(leaves, 3, weights, std::vector{wrong, wrong, right}), 2, weights);
  EXPECT_EQ(misled, (std::vector<std::int32_t>{1, 0, 0, 0}));
}

TEST(ClusterTree, ClustersAreNumberedByWeight) {
  const Case data = random_case(40, 6, 7);
  const ClusterTree tree = average_linkage(data.centroids, data.dim, data.weights);
  for (const int clusters : {1, 5, 17, 40}) {
    const auto labels = cut_tree(tree, clusters, data.weights);
    std::vector<std::int64_t> weight(static_cast<std::size_t>(clusters));
    for (std::size_t i = 0; i < labels.size(); ++i) {
      weight[static_cast<std::size_t>(labels[i])] += std::max<std::int64_t>(1, data.weights[i]);
    }
    EXPECT_TRUE(std::ranges::is_sorted(weight, std::ranges::greater{}));
  }
}

TEST(ClusterTree, CutsAreNested) {
  const Case data = random_case(60, 4, 3);
  const ClusterTree tree = average_linkage(data.centroids, data.dim, data.weights);
  for (int clusters = 1; clusters < 60; ++clusters) {
    const auto coarse = cut_tree(tree, clusters, data.weights);
    const auto fine = cut_tree(tree, clusters + 1, data.weights);
    std::map<std::int32_t, std::int32_t> above;
    for (std::size_t i = 0; i < fine.size(); ++i) {
      EXPECT_EQ(above.try_emplace(fine[i], coarse[i]).first->second, coarse[i]);
    }
  }
}

// Equal directions in any order: heights are 0, opposite ones are as far as can be, and every cut is possible.
TEST(ClusterTree, EqualCentroids) {
  const std::vector<double> centroids = {1, 2, 2, 4, 0.5, 1, -1, -2};
  const ClusterTree tree = average_linkage(centroids, 2, std::vector<std::int64_t>{1, 1, 1, 5});
  EXPECT_NEAR(tree.merges[1].height, 0, 1e-15);
  EXPECT_NEAR(tree.merges[2].height, 2, 1e-14);
  EXPECT_EQ(cut_tree(tree, 2, std::vector<std::int64_t>{1, 1, 1, 5}), (std::vector<std::int32_t>{1, 1, 1, 0}));
}

std::vector<double> falling(std::size_t leaves) {
  std::vector<double> curve;
  for (std::size_t k = 2; k <= leaves; ++k) curve.push_back(10.0 - 0.01 * static_cast<double>(k));
  return curve;
}

TEST(ClusterTree, SeparationsAreTheHeightsFromTheTop) {
  const Case data = random_case(30, 4, 5);
  const ClusterTree tree = average_linkage(data.centroids, data.dim, data.weights);
  const std::vector<double> curve = separations(tree);
  ASSERT_EQ(curve.size(), 29U);
  for (std::size_t k = 2; k <= 30; ++k) {
    std::vector<double> heights;
    (void)plain_cut(data, static_cast<int>(k) - 1, heights);
    EXPECT_NEAR(curve[k - 2], heights.back(), 1e-12) << k;
  }
}

TEST(ClusterTree, SuggestsTheLongestLifetimeOfEachDoubling) {
  // A step down behind K makes its lifetime longer.
  std::vector<double> curve = falling(300);
  const std::vector<std::pair<std::size_t, double>> steps = {{3, 1.0},  {5, 0.5},  {6, 0.4},
                                                             {15, 0.3}, {16, 0.2}, {63, 0.1}};
  for (const auto& [k, step] : steps) {
    for (std::size_t i = k - 1; i < curve.size(); ++i) curve[i] -= step;
  }
  EXPECT_EQ(suggested_clusters(curve), (std::vector<int>{3, 5, 15, 16, 63}));
  // Ties go to the lowest; 40 leaves are enough for ten clusters.
  std::vector<double> halves;
  for (int k = 2; k <= 40; ++k) halves.push_back(64.0 - 0.5 * k);
  EXPECT_EQ(suggested_clusters(halves), (std::vector<int>{2, 4, 8}));
  halves[9 - 1] -= 0.25;  // 9 lives longer, 10 shorter
  EXPECT_EQ(suggested_clusters(halves), (std::vector<int>{2, 4, 9}));
  EXPECT_EQ(suggested_clusters(falling(8)).size(), 1U);
  EXPECT_TRUE(suggested_clusters(falling(7)).empty());
  EXPECT_TRUE(suggested_clusters({}).empty());
}

// Groups of groups of directions: their numbers stand out.
TEST(ClusterTree, SuggestsTheGroupsThatAreThere) {
  std::mt19937 generator(11);
  std::normal_distribution<double> normal;
  constexpr int dim = 40;
  std::vector<double> centroids;
  for (int group = 0; group < 5; ++group) {
    std::vector<double> centre;
    for (int d = 0; d < dim; ++d) centre.push_back(normal(generator));
    for (int part = 0; part < 4; ++part) {
      std::vector<double> own;
      for (const double value : centre) own.push_back(value + 0.4 * normal(generator));
      for (int leaf = 0; leaf < 12; ++leaf) {
        for (const double value : own) centroids.push_back(value + 0.05 * normal(generator));
      }
    }
  }
  const ClusterTree tree = average_linkage(centroids, dim, std::vector<std::int64_t>(240, 10));
  const std::vector<int> suggested = suggested_clusters(separations(tree));
  EXPECT_EQ(std::ranges::count(suggested, 5), 1);
  EXPECT_EQ(std::ranges::count(suggested, 20), 1);
}

TEST(ClusterTree, Refusals) {
  EXPECT_THROW((void)average_linkage({}, 3, {}), InputError);
  EXPECT_THROW((void)average_linkage(std::vector<double>{1, 2, 0, 0}, 2, std::vector<std::int64_t>{1, 1}), InputError);
  EXPECT_THROW((void)average_linkage(std::vector<double>{1, 2, 3}, 2, std::vector<std::int64_t>{1, 1}), InputError);
  const std::vector<double> two = {1, 2, 2, 1};
  const std::vector<std::int64_t> weights = {1, 1};
  for (const std::vector<double>& wrong : {std::vector<double>{}, {1, 2, 3}, {1, 2, 0, 0}}) {
    EXPECT_THROW((void)agreed_tree(two, 2, weights, std::vector{two, wrong}), InputError);
  }
  const ClusterTree one = average_linkage(std::vector<double>{1, 2}, 2, std::vector<std::int64_t>{4});
  EXPECT_TRUE(one.merges.empty());
  EXPECT_EQ(cut_tree(one, 1, std::vector<std::int64_t>{4}), std::vector<std::int32_t>{0});
  EXPECT_THROW((void)cut_tree(one, 2, std::vector<std::int64_t>{4}), UsageError);
  EXPECT_THROW((void)cut_tree(one, 0, std::vector<std::int64_t>{4}), UsageError);
}

}  // namespace cluster_tree_test
}  // namespace datus
