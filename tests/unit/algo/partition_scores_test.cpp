// SPDX-License-Identifier: Apache-2.0
#include "algo/scores/partition_scores.hpp"

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace partition_scores_test {

// The golden cases are compared in scores_test.cpp; here are properties, and what they do not reach.

/// The adjusted Rand index by its definition, over all pairs of pixels one by one.
double adjusted_rand_by_pairs(const CountMatrix& table) {
  std::vector<std::pair<Eigen::Index, Eigen::Index>> pixels;
  for (Eigen::Index row = 0; row < table.rows(); ++row) {
    for (Eigen::Index column = 0; column < table.cols(); ++column) {
      pixels.insert(pixels.end(), static_cast<std::size_t>(table(row, column)), {row, column});
    }
  }
  double both = 0.0;
  double same_row = 0.0;
  double same_column = 0.0;
  double pairs = 0.0;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool row = pixels[i].first == pixels[j].first;
      const bool column = pixels[i].second == pixels[j].second;
      both += row && column ? 1.0 : 0.0;
      same_row += row ? 1.0 : 0.0;
      same_column += column ? 1.0 : 0.0;
      pairs += 1.0;
    }
  }
  const double expected = same_row * same_column / pairs;
  return (both - expected) / ((same_row + same_column) / 2.0 - expected);
}

CountMatrix random_table(int rows, int columns, std::mt19937& generator) {
  CountMatrix table(rows, columns);
  for (auto& count : table.reshaped()) count = static_cast<std::int64_t>(generator() % 8);
  return table;
}

TEST(PartitionScores, RandIndexEqualsItsDefinition) {
  std::mt19937 generator(1);
  for (int round = 0; round < 30; ++round) {
    const CountMatrix table = random_table(2 + round % 4, 2 + round % 5, generator);
    ASSERT_NEAR(adjusted_rand_index(table).value(), adjusted_rand_by_pairs(table), 1e-12) << table;
  }
}

// Independent partitions share no information; a relabelling of one shares all; both scores are symmetric.
TEST(PartitionScores, Properties) {
  const CountMatrix independent{{2, 4, 6}, {3, 6, 9}};
  EXPECT_NEAR(normalised_mutual_information(independent).value(), 0.0, 1e-12);
  const CountMatrix renamed{{0, 7, 0}, {0, 0, 2}, {5, 0, 0}};
  EXPECT_DOUBLE_EQ(normalised_mutual_information(renamed).value(), 1.0);
  EXPECT_DOUBLE_EQ(adjusted_rand_index(renamed).value(), 1.0);
  std::mt19937 generator(2);
  for (int round = 0; round < 20; ++round) {
    const CountMatrix table = random_table(4, 3, generator);
    const CountMatrix turned = table.transpose();
    EXPECT_NEAR(normalised_mutual_information(table).value(), normalised_mutual_information(turned).value(), 1e-12);
    EXPECT_NEAR(adjusted_rand_index(table).value(), adjusted_rand_index(turned).value(), 1e-12);
  }
}

// 1 bit shared of entropies 1 and 2 bits: 1 / 1.5. Empty rows and columns change nothing.
TEST(PartitionScores, MutualInformationByHand) {
  EXPECT_NEAR(normalised_mutual_information(CountMatrix{{5, 5, 0, 0}, {0, 0, 5, 5}}).value(), 2.0 / 3.0, 1e-12);
  EXPECT_NEAR(normalised_mutual_information(CountMatrix{{5, 5, 0, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 5, 5}}).value(),
              2.0 / 3.0, 1e-12);
}

// Values of scikit-learn for the same labels.
TEST(PartitionScores, DegenerateTables) {
  const CountMatrix one_block{{0, 9}, {0, 0}};
  EXPECT_EQ(normalised_mutual_information(one_block), 1.0);
  EXPECT_EQ(adjusted_rand_index(one_block), 1.0);
  const CountMatrix one_row{{4, 5}};
  EXPECT_EQ(normalised_mutual_information(one_row), 0.0);
  EXPECT_EQ(adjusted_rand_index(one_row), 0.0);
  const CountMatrix singles = CountMatrix::Identity(3, 3);
  EXPECT_DOUBLE_EQ(normalised_mutual_information(singles).value(), 1.0);
  EXPECT_EQ(adjusted_rand_index(singles), 1.0);
  EXPECT_FALSE(normalised_mutual_information(CountMatrix::Zero(2, 2)).has_value());
  EXPECT_FALSE(adjusted_rand_index(CountMatrix::Zero(2, 2)).has_value());
}

// As many pixels as a large data set has: the squares of the counts exceed 64 bits. Scores of proportional tables agree
// to about one over the number of pixels.
TEST(PartitionScores, ManyPixelsDoNotOverflow) {
  const CountMatrix table{{700'000, 200'000}, {100'000, 400'000}};
  const CountMatrix large = table * std::int64_t{100'000'000};
  EXPECT_NEAR(adjusted_rand_index(large).value(), adjusted_rand_index(table).value(), 1e-5);
  EXPECT_NEAR(normalised_mutual_information(large).value(), normalised_mutual_information(table).value(), 1e-12);
  EXPECT_GT(adjusted_rand_index(large).value(), 0.2);
}

}  // namespace partition_scores_test
}  // namespace datus
