// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/hungarian.hpp"

#include "datus/core/error.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace hungarian_test {

CountMatrix random_counts(int clusters, int classes, int bound, std::mt19937& generator) {
  CountMatrix counts(clusters, classes);
  for (auto& count : counts.reshaped()) count = static_cast<std::int64_t>(generator() % static_cast<unsigned>(bound));
  return counts;
}

std::int64_t agreement(const CountMatrix& counts, const std::vector<int>& class_of) {
  std::int64_t sum = 0;
  for (Eigen::Index cluster = 0; cluster < counts.rows(); ++cluster) {
    const int matched = class_of[static_cast<std::size_t>(cluster)];
    if (matched >= 0) sum += counts(cluster, matched);
  }
  return sum;
}

/// Tries all permutations of the padded square in lexicographic order of the smaller side and keeps the first best one.
std::vector<int> brute_force(const CountMatrix& counts) {
  const bool turned = counts.rows() > counts.cols();
  const CountMatrix gain = turned ? CountMatrix(counts.transpose()) : counts;
  std::vector<int> columns(static_cast<std::size_t>(gain.cols()));
  std::iota(columns.begin(), columns.end(), 0);
  std::vector<int> best;
  std::int64_t most = -1;
  do {
    std::int64_t sum = 0;
    for (Eigen::Index row = 0; row < gain.rows(); ++row) sum += gain(row, columns[static_cast<std::size_t>(row)]);
    if (sum > most) {
      most = sum;
      best.assign(columns.begin(), columns.begin() + gain.rows());
    }
  } while (std::next_permutation(columns.begin(), columns.end()));
  if (!turned) return best;
  std::vector<int> class_of(static_cast<std::size_t>(counts.rows()), -1);
  for (std::size_t row = 0; row < best.size(); ++row)
    class_of[static_cast<std::size_t>(best[row])] = static_cast<int>(row);
  return class_of;
}

/// Completes the mapping to a permutation of the padded square and looks for a cycle of exchanges that gains something:
/// there is none iff the matching is optimal (Floyd and Warshall on the losses of "row i takes the column of row j").
bool is_optimal(const CountMatrix& counts, std::vector<int> class_of) {
  const Eigen::Index size = std::max(counts.rows(), counts.cols());
  CountMatrix square = CountMatrix::Zero(size, size);
  square.topLeftCorner(counts.rows(), counts.cols()) = counts;
  class_of.resize(static_cast<std::size_t>(size), -1);
  std::vector<int> unused;
  for (int column = 0; column < size; ++column) {
    if (std::find(class_of.begin(), class_of.end(), column) == class_of.end()) unused.push_back(column);
  }
  for (int& matched : class_of) {
    if (matched >= 0) continue;
    matched = unused.back();
    unused.pop_back();
  }
  if (!unused.empty()) return false;
  CountMatrix loss(size, size);
  for (Eigen::Index i = 0; i < size; ++i) {
    for (Eigen::Index j = 0; j < size; ++j) {
      loss(i, j) = square(i, class_of[static_cast<std::size_t>(i)]) - square(i, class_of[static_cast<std::size_t>(j)]);
    }
  }
  for (Eigen::Index via = 0; via < size; ++via) {
    for (Eigen::Index i = 0; i < size; ++i) {
      loss.row(i) = loss.row(i).cwiseMin((loss.row(via).array() + loss(i, via)).matrix());
    }
    if (loss.diagonal().minCoeff() < 0) return false;
  }
  return true;
}

// Few different values make many optima: the one that is chosen is part of the contract.
TEST(Hungarian, EqualsBruteForceWithItsRuleForTies) {
  std::mt19937 generator(1);
  for (int clusters = 1; clusters <= 6; ++clusters) {
    for (int classes = 1; classes <= 6; ++classes) {
      for (int round = 0; round < 60; ++round) {
        const int bound = round % 3 == 0 ? 2 : (round % 3 == 1 ? 4 : 1000);
        const CountMatrix counts = random_counts(clusters, classes, bound, generator);
        ASSERT_EQ(match_clusters(counts), brute_force(counts)) << counts;
      }
    }
  }
  for (int round = 0; round < 10; ++round) {
    const CountMatrix counts = random_counts(7, 7, 3, generator);
    ASSERT_EQ(match_clusters(counts), brute_force(counts)) << counts;
  }
}

TEST(Hungarian, LargerMatchingsAreOptimal) {
  std::mt19937 generator(2);
  for (int round = 0; round < 60; ++round) {
    const int clusters = 1 + static_cast<int>(generator() % 60);
    const int classes = 1 + static_cast<int>(generator() % 60);
    const int bound = round % 2 == 0 ? 5 : 1'000'000;
    const CountMatrix counts = random_counts(clusters, classes, bound, generator);
    ASSERT_TRUE(is_optimal(counts, match_clusters(counts))) << clusters << " x " << classes;
  }
}

TEST(Hungarian, EqualsTheGoldenMappings) {
  const auto cases = test::read_json("golden/evaluation/cases.json").at("cases");
  EXPECT_EQ(cases.size(), 12U);
  for (const auto& entry : cases) {
    const std::string file = entry.at("file");
    SCOPED_TRACE(file);
    const auto golden = test::read_golden("golden/evaluation/" + file);
    const auto stored = golden.at("counts").as<std::int64_t>();
    const CountMatrix counts = Eigen::Map<const CountMatrix>(stored.data(), entry.at("clusters").get<Eigen::Index>(),
                                                             entry.at("classes").get<Eigen::Index>());
    const std::vector<int> class_of = match_clusters(counts);
    EXPECT_EQ(agreement(counts, class_of), entry.at("agreement").get<std::int64_t>());
    if (entry.at("mapping_unique").get<bool>()) {
      EXPECT_EQ(class_of, entry.at("mapping").get<std::vector<int>>());
    }
  }
}

TEST(Hungarian, LargeCountsAndManyClusters) {
  std::mt19937 generator(3);
  CountMatrix counts = random_counts(1000, 27, 1'000'000, generator) * (std::int64_t{1} << 20U);
  // Twenty-seven clusters that own a class each, in descending order, outweigh all others.
  for (int label = 0; label < 27; ++label) counts(900 - 30 * label, label) = std::int64_t{1} << 41U;
  const std::vector<int> class_of = match_clusters(counts);
  EXPECT_EQ(std::count(class_of.begin(), class_of.end(), -1), 973);
  for (int label = 0; label < 27; ++label) EXPECT_EQ(class_of[static_cast<std::size_t>(900 - 30 * label)], label);
  // No pixel at all: every matching is optimal.
  const std::vector<int> diagonal = match_clusters(CountMatrix::Zero(300, 27));
  for (int cluster = 0; cluster < 300; ++cluster) {
    EXPECT_EQ(diagonal[static_cast<std::size_t>(cluster)], cluster < 27 ? cluster : -1);
  }
}

TEST(Hungarian, RefusesNegativeCountsAndNothing) {
  EXPECT_THROW((void)match_clusters(CountMatrix::Constant(2, 2, -1)), InputError);
  EXPECT_THROW((void)match_clusters(CountMatrix(0, 3)), InputError);
}

}  // namespace hungarian_test
}  // namespace datus
