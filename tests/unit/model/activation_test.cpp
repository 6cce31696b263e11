// SPDX-License-Identifier: Apache-2.0
#include "model/torch/activation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

namespace datus::test {
namespace activation_test {

double gelu(double x) {
  return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
}

TEST(AddBiasGelu, EveryPathAgreesWithTheErrorFunction) {
  for (const SimdPath path : supported_simd_paths()) {
    for (const std::int64_t columns : {1, 3, 8, 31, 64, 1001}) {
      constexpr std::int64_t rows = 37;
      // A part of wider rows, whose other values must stay.
      at::Tensor wide = at::empty({rows, columns + 5}, at::kFloat);
      at::Tensor bias = at::empty({columns}, at::kFloat);
      for (std::int64_t c = 0; c < columns; ++c) bias.data_ptr<float>()[c] = 0.01F * static_cast<float>(c % 7);
      for (std::int64_t i = 0; i < wide.numel(); ++i) {
        wide.data_ptr<float>()[i] = static_cast<float>(i * 7919 % 20011) / 1000.0F - 10.0F;
      }
      const at::Tensor before = wide.clone();
      at::Tensor hidden = wide.narrow(1, 0, columns);
      add_bias_gelu(hidden, bias, path);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t c = 0; c < columns + 5; ++c) {
          const std::int64_t at = row * (columns + 5) + c;
          const float x = before.data_ptr<float>()[at] + (c < columns ? bias.data_ptr<float>()[c] : 0.0F);
          const double expected = c < columns ? gelu(x) : x;
          ASSERT_NEAR(wide.data_ptr<float>()[at], expected, 1e-7 * (1 + std::abs(x)))
              << x << " in column " << c << " of " << columns << ", " << name(path);
        }
      }
    }
  }
}

TEST(AddBiasGelu, ExtremeValuesGoToZeroOrStay) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{0.0F, -0.0F, 1e-30F, -1e-30F, 50.0F, -50.0F, 1e18F, -1e18F, nan, infinity};
  const auto count = static_cast<std::int64_t>(values.size());
  for (const SimdPath path : supported_simd_paths()) {
    at::Tensor hidden = at::empty({1, count}, at::kFloat);
    std::copy(values.begin(), values.end(), hidden.data_ptr<float>());
    at::Tensor bias = at::empty({count}, at::kFloat);
    std::fill_n(bias.data_ptr<float>(), count, 0.0F);
    add_bias_gelu(hidden, bias, path);
    const float* result = hidden.data_ptr<float>();
    EXPECT_EQ(result[0], 0.0F);
    EXPECT_EQ(result[1], 0.0F);
    EXPECT_NEAR(result[2], 0.5e-30F, 1e-36F);
    EXPECT_NEAR(result[3], -0.5e-30F, 1e-36F);
    EXPECT_EQ(result[4], 50.0F);
    EXPECT_EQ(result[5], 0.0F);
    EXPECT_EQ(result[6], 1e18F);
    EXPECT_EQ(result[7], 0.0F);
    EXPECT_TRUE(std::isnan(result[8])) << name(path);
    EXPECT_FALSE(std::isfinite(result[9])) << name(path);
  }
}

TEST(AddBiasGelu, AValueDoesNotDependOnItsPlace) {
  for (const SimdPath path : supported_simd_paths()) {
    // The last columns of 45 fill no vector.
    at::Tensor hidden = at::empty({3, 45}, at::kFloat);
    at::Tensor bias = at::empty({45}, at::kFloat);
    std::fill_n(bias.data_ptr<float>(), 45, 0.25F);
    std::fill_n(hidden.data_ptr<float>(), hidden.numel(), -1.2345F);
    add_bias_gelu(hidden, bias, path);
    for (std::int64_t i = 1; i < hidden.numel(); ++i)
      EXPECT_EQ(hidden.data_ptr<float>()[i], hidden.data_ptr<float>()[0]);
  }
}

}  // namespace activation_test
}  // namespace datus::test
