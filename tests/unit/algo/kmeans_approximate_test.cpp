// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/approximate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus::clustering {
namespace kmeans_approximate_test {

/// The 10 bits of fraction that tensor cores look at.
float without_low_bits(float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0xFFFFE000U);
}

/// A sum in f32 that leaves bits out instead of rounding.
float truncated_sum(float a, float b) {
  const double exact = static_cast<double>(a) + static_cast<double>(b);
  const auto rounded = static_cast<float>(exact);
  return std::fabs(static_cast<double>(rounded)) > std::fabs(exact) ? std::nextafter(rounded, 0.0F) : rounded;
}

double product(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return sum;
}

/// Numbers whose low bits are all set lose the most; all of one sign, nothing cancels.
std::vector<float> worst_vector(std::size_t dim, float scale, std::mt19937_64& random) {
  std::vector<float> values;
  for (std::size_t d = 0; d < dim; ++d) {
    const auto bits = static_cast<std::uint32_t>(random()) & 0x00000FFFU;
    values.push_back(scale * std::bit_cast<float>(0x3F801FFFU | bits << 11U));
  }
  return values;
}

TEST(KMeansApproximate, TheErrorOfTensorCoresIsWithinTheBound) {
  std::mt19937_64 random(3);
  double largest_part = 0.0;
  for (const std::size_t dim : {1, 2, 7, 64, 384, 4096}) {
    for (const float scale : {1.0F, 1e-15F, 1e-30F, 1e15F}) {
      const std::vector<float> x = worst_vector(dim, scale, random);
      const std::vector<float> c = worst_vector(dim, scale, random);
      float sum = 0.0F;
      for (std::size_t d = dim; d-- > 0;) sum = truncated_sum(sum, without_low_bits(x[d]) * without_low_bits(c[d]));
      const auto norm = static_cast<float>(product(c, c));
      const double exact = product(c, c) - 2.0 * product(x, c);
      const float approximate = std::fma(-2.0F, sum, norm);
      const double error = std::fabs(exact - static_cast<double>(approximate));
      const double bound = approximate_score_error(static_cast<int>(dim), product(x, x), norm);
      EXPECT_LE(error, bound) << dim << " values of about " << scale;
      if (scale == 1.0F) largest_part = std::max(largest_part, error / bound);
    }
  }
  // Not so wide that every row would be in doubt.
  EXPECT_GT(largest_part, 0.5);
}

TEST(KMeansApproximate, NothingIsSaidOfNumbersThatMayOverflow) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(approximate_score_error(3, 1.0, infinity), HUGE_VAL);
  EXPECT_EQ(approximate_score_error(3, std::numeric_limits<double>::quiet_NaN(), 1.0F), HUGE_VAL);
  EXPECT_EQ(approximate_score_error(3, 1.0, 1e38F), HUGE_VAL);
  EXPECT_EQ(approximate_score_error(10'000'000, 1.0, 1.0F), HUGE_VAL);
  EXPECT_LT(approximate_score_error(384, 1.0, 1.0F), 0.006);
}

}  // namespace kmeans_approximate_test
}  // namespace datus::clustering
