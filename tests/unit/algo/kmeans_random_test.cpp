// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace datus {
namespace kmeans_random_test {

/// Distance in units of the last place of the true value.
double error_in_ulp(double u) {
  const long double truth = -std::log(static_cast<long double>(u));
  const auto rounded = static_cast<double>(truth);
  const double ulp = std::nextafter(rounded, INFINITY) - rounded;
  return static_cast<double>(std::fabs(static_cast<long double>(negative_log(u)) - truth)) / ulp;
}

TEST(KMeansRandom, NegativeLogIsWithinFourUlp) {
  std::mt19937_64 generator(1);
  double worst = 0.0;
  const auto check = [&](double u) {
    if (!(u > 0.0 && u < 1.0)) return;
    worst = std::max(worst, error_in_ulp(u));
    EXPECT_GE(negative_log(u), (1.0 - u) * (1.0 - 0x1p-50)) << u;
  };
  for (int i = 0; i < 300000; ++i) {
    const double u = (static_cast<double>(generator() >> 12U) * 2.0 + 1.0) * 0x1p-53;
    check(u);
    check(std::ldexp(u, -static_cast<int>(generator() % 53)));        // Small ones,
    check(1.0 - std::ldexp(u, -static_cast<int>(generator() % 50)));  // and close to 1.
    check(std::sqrt(0.5) + (u - 0.5) * 0x1p-40);                      // Where the exponent changes.
  }
  for (const double u : {0x1p-53, 1.0 - 0x1p-53, 0.5, 0.25, std::nextafter(0.5, 1.0), std::nextafter(0.5, 0.0)})
    check(u);
  EXPECT_LE(worst, 4.0);
  EXPECT_EQ(negative_log(1.0), 0.0);
}

TEST(KMeansRandom, NegativeLogFallsAsItsArgumentGrows) {
  for (double u = 0x1p-53; u < 0.999; u *= 1.0001) EXPECT_GT(negative_log(u), negative_log(u * 1.00001));
}

TEST(KMeansRandom, UniformNumbersAreOddMultiplesInside) {
  const auto key = kmeans_key(KMeansPurpose::plus_plus, 1, 2, 3);
  double sum = 0.0;
  for (std::uint64_t row = 0; row < 100000; ++row) {
    const double u = kmeans_uniform(key, row, 0);
    ASSERT_GT(u, 0.0);
    ASSERT_LT(u, 1.0);
    ASSERT_EQ(static_cast<std::uint64_t>(u * 0x1p53) % 2, 1U);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
}

// Rows beyond 32 bits, rounds, seeds, restarts, K and purposes all have numbers of their own.
TEST(KMeansRandom, EveryInputMatters) {
  std::set<std::uint64_t> draws;
  std::size_t made = 0;
  const auto draw = [&](KMeansPurpose purpose, std::uint64_t seed, int restart, int clusters, std::uint64_t row,
                        std::uint32_t round) {
    draws.insert(kmeans_draw(kmeans_key(purpose, seed, restart, clusters), row, round));
    ++made;
  };
  draw(KMeansPurpose::plus_plus, 0, 0, 0, 0, 0);
  draw(KMeansPurpose::random_rows, 0, 0, 0, 0, 0);
  for (unsigned bit = 0; bit < 64; ++bit) {
    draw(KMeansPurpose::plus_plus, std::uint64_t{1} << bit, 0, 0, 0, 0);
    draw(KMeansPurpose::plus_plus, 0, 0, 0, std::uint64_t{1} << bit, 0);
  }
  for (unsigned bit = 0; bit < 31; ++bit) {
    draw(KMeansPurpose::plus_plus, 0, 1 << bit, 0, 0, 0);
    draw(KMeansPurpose::plus_plus, 0, 0, 1 << bit, 0, 0);
    draw(KMeansPurpose::plus_plus, 0, 0, 0, 0, 1U << bit);
  }
  EXPECT_EQ(draws.size(), made);
}

// The numbers are part of the results: they may never change. Computed by another implementation of Philox4x32-10.
TEST(KMeansRandom, NumbersAreThoseOfTheFirstVersion) {
  const auto key = kmeans_key(KMeansPurpose::plus_plus, 0x123456789ABCDEFULL, 3, 27);
  EXPECT_EQ(key[0], 0x73E838C7U);
  EXPECT_EQ(key[1], 0x9B9AE5DAU);
  EXPECT_EQ(kmeans_draw(key, 0x500000007ULL, 11), 0x85AB48BBC3FFD87BULL);
}

}  // namespace kmeans_random_test
}  // namespace datus
