// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/keyed_permutation.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace keyed_permutation_test {

std::vector<std::int64_t> order_of(const KeyedPermutation& permutation, std::int64_t size) {
  std::vector<std::int64_t> order;
  for (std::int64_t position = 0; position < size; ++position) order.push_back(permutation.at(position));
  return order;
}

TEST(KeyedPermutation, HoldsEachNumberOnceAndKnowsItsPosition) {
  for (std::int64_t size = 1; size <= 300; ++size) {
    const KeyedPermutation permutation(size, {static_cast<std::uint32_t>(size), 7}, 3);
    std::vector<bool> seen(static_cast<std::size_t>(size));
    for (std::int64_t position = 0; position < size; ++position) {
      const std::int64_t number = permutation.at(position);
      ASSERT_GE(number, 0);
      ASSERT_LT(number, size);
      EXPECT_FALSE(seen[static_cast<std::size_t>(number)]) << number << " twice of " << size;
      seen[static_cast<std::size_t>(number)] = true;
      EXPECT_EQ(permutation.position_of(number), position);
    }
  }
}

TEST(KeyedPermutation, LargeSizes) {
  for (const std::int64_t size : {(std::int64_t{1} << 32U) + 1, std::int64_t{1} << 40U, std::int64_t{3} << 60U}) {
    const KeyedPermutation permutation(size, {1, 2}, 0);
    for (const std::int64_t position : {std::int64_t{0}, std::int64_t{1}, size / 3, size - 1}) {
      const std::int64_t number = permutation.at(position);
      EXPECT_GE(number, 0);
      EXPECT_LT(number, size);
      EXPECT_EQ(permutation.position_of(number), position);
    }
  }
}

// All orders of few numbers come up about equally often: 24,000 draws give each of the orders 4,000 (size 3) or 1,000
// (size 4) times, with a standard deviation of 58 and 31.
TEST(KeyedPermutation, AllOrdersAreAboutAsLikely) {
  for (const std::int64_t size : {3, 4}) {
    std::map<std::vector<std::int64_t>, int> times;
    for (std::uint32_t stream = 0; stream < 24000; ++stream) {
      ++times[order_of(KeyedPermutation(size, {stream % 5, 11}, stream), size)];
    }
    const int orders = size == 3 ? 6 : 24;
    EXPECT_EQ(times.size(), static_cast<std::size_t>(orders));
    for (const auto& [order, count] : times) {
      EXPECT_NEAR(count, 24000 / orders, size == 3 ? 290 : 160);
    }
  }
}

// Neighbours do not stay near each other: the mean distance of two random numbers below n is n / 3.
TEST(KeyedPermutation, ScattersNeighbours) {
  constexpr std::int64_t size = 5000;
  const KeyedPermutation permutation(size, {4, 5}, 6);
  double distance = 0.0;
  for (std::int64_t position = 1; position < size; ++position) {
    distance += std::abs(static_cast<double>(permutation.at(position) - permutation.at(position - 1)));
  }
  EXPECT_NEAR(distance / (size - 1), size / 3.0, size * 0.02);
}

TEST(KeyedPermutation, KeysAndStreamsGiveOrdersOfTheirOwn) {
  const auto order = order_of(KeyedPermutation(100, {1, 2}, 3), 100);
  EXPECT_EQ(order, order_of(KeyedPermutation(100, {1, 2}, 3), 100));
  EXPECT_NE(order, order_of(KeyedPermutation(100, {2, 2}, 3), 100));
  EXPECT_NE(order, order_of(KeyedPermutation(100, {1, 3}, 3), 100));
  EXPECT_NE(order, order_of(KeyedPermutation(100, {1, 2}, 4), 100));
}

}  // namespace keyed_permutation_test
}  // namespace datus::test
