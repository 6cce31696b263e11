// SPDX-License-Identifier: Apache-2.0
#include "datus/core/exact_sums.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace exact_sums_test {

std::vector<double> sums_of(const std::vector<float>& rows, std::size_t columns, int threads = 1) {
  ExactSums sums(columns);
  sums.add(rows, {}, threads);
  return sums.totals();
}

/// Finite, of every size and sign.
std::vector<float> any_floats(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values;
  while (values.size() < count) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

TEST(ExactSums, NothingIsLostBesideLargeValues) {
  constexpr float largest = std::numeric_limits<float>::max();
  constexpr float smallest = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(sums_of({largest, smallest, 1.0F, -largest}, 1), (std::vector<double>{1.0 + 0x1p-149}));
  EXPECT_EQ(sums_of({largest, smallest, -largest}, 1), std::vector<double>{0x1p-149});
  EXPECT_EQ(sums_of({largest, largest, largest}, 1), std::vector<double>{3.0 * static_cast<double>(largest)});
  EXPECT_EQ(sums_of({-0.0F, 0.0F}, 1), std::vector<double>{0.0});
}

TEST(ExactSums, IntegersAddUp) {
  std::mt19937 random(3);
  std::vector<float> rows;
  std::vector<std::int64_t> expected(5);
  for (int i = 0; i < 5000; ++i) {
    const auto value = static_cast<std::int64_t>(random() % 20'000'001) - 10'000'000;
    rows.push_back(static_cast<float>(value));
    expected[static_cast<std::size_t>(i % 5)] += value;
  }
  const auto sums = sums_of(rows, 5);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(sums[i], static_cast<double>(expected[i]));
}

// Values of every size: what one more and one less makes is nothing, in whatever order.
TEST(ExactSums, OrderThreadsAndPartsDoNotMatter) {
  constexpr std::size_t columns = 7;
  std::vector<float> rows = any_floats(columns * 300, 1);
  const auto expected = sums_of(rows, columns);
  for (const int threads : {2, 3, 20}) EXPECT_EQ(sums_of(rows, columns, threads), expected);
  // Rows backwards.
  std::vector<float> backwards;
  for (std::size_t row = 300; row-- > 0;) {
    backwards.insert(backwards.end(), rows.begin() + static_cast<std::ptrdiff_t>(row * columns),
                     rows.begin() + static_cast<std::ptrdiff_t>((row + 1) * columns));
  }
  EXPECT_EQ(sums_of(backwards, columns), expected);
  // As ranks do: each some of the rows, then their digits together.
  ExactSums first(columns), second(columns);
  first.add(std::span(rows).first(columns * 77));
  second.add(std::span(rows).subspan(columns * 77));
  const auto others = second.digits();
  const auto digits = first.digits();
  std::ranges::transform(digits, others, digits.begin(), std::plus<>());
  EXPECT_EQ(first.totals(), expected);
  // Every value and its opposite.
  for (float& value : rows) value = -value;
  ExactSums all(columns);
  all.add(rows);
  all.add(backwards);
  EXPECT_EQ(all.totals(), std::vector<double>(columns));
}

// More rows than are added up in one go, the smallest beside the largest, and many of the largest.
TEST(ExactSums, OfHalvesAreThoseOfTheFloatsTheyStandFor) {
  constexpr std::size_t columns = 5;
  constexpr std::size_t rows = 20'000;
  std::mt19937 random(3);
  std::vector<half> halves;
  std::vector<std::uint8_t> counts;
  for (std::size_t row = 0; row < rows; ++row) {
    counts.push_back(random() % 8 == 0 ? 0 : 1);
    halves.push_back({static_cast<std::uint16_t>(random() % 0x7C00)});  // any finite one above 0
    halves.push_back(to_half(65504.0F));
    halves.push_back(to_half(row % 2 == 0 ? 65504.0F : -65504.0F));
    halves.push_back({static_cast<std::uint16_t>(1 + row % 3)});  // 2^-24 and its multiples
    // Sums whose bits do not fit in two floats.
    const half small{static_cast<std::uint16_t>(row % 7 == 0 ? 0x0001 : 0x3C01)};
    halves.push_back(row % 7 > 0 && row % 7 < 5 ? to_half(65504.0F) : small);
  }
  std::vector<float> floats(halves.size());
  to_float(halves, floats);
  for (const bool is_counted : {false, true}) {
    ExactSums of_halves(columns), of_floats(columns);
    const auto used = is_counted ? std::span<const std::uint8_t>(counts) : std::span<const std::uint8_t>();
    of_halves.add(std::span<const half>(halves), used, 3);
    of_floats.add(std::span<const float>(floats), used);
    EXPECT_TRUE(std::ranges::equal(of_halves.digits(), of_floats.digits()));
  }
}

TEST(ExactSums, RowsThatDoNotCountAreLeftOut) {
  ExactSums sums(2);
  sums.add(std::vector<float>{1, 2, 30, 40, 5, 6}, std::vector<std::uint8_t>{1, 0, 1});
  EXPECT_EQ(sums.totals(), (std::vector<double>{6, 8}));
}

}  // namespace exact_sums_test
}  // namespace datus::test
