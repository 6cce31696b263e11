// SPDX-License-Identifier: Apache-2.0
#include "model/torch/attention.hpp"

#include "datus/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace datus::test {
namespace attention_test {

struct Size {
  std::int64_t queries, keys, heads, width;
};

std::string text_of(const Size& size, SimdPath path) {
  return std::to_string(size.queries) + " queries, " + std::to_string(size.keys) + " keys, " +
         std::to_string(size.heads) + " heads of " + std::to_string(size.width) + ", " + std::string(name(path));
}

at::Tensor random_rows(std::int64_t rows, std::int64_t columns, unsigned seed, float spread = 1.0F) {
  at::Tensor tensor = at::empty({rows, columns}, at::kFloat);
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0F, spread);
  std::generate_n(tensor.data_ptr<float>(), tensor.numel(), [&] { return normal(generator); });
  return tensor;
}

double value(const at::Tensor& tensor, std::int64_t row, std::int64_t column) {
  return tensor.data_ptr<float>()[row * tensor.stride(0) + column];
}

/// One row of one head, in plain loops and double precision.
std::vector<double> expected_row(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                                 std::int64_t row, std::int64_t first, std::int64_t width) {
  std::vector<double> scores;
  for (std::int64_t t = 0; t < keys.size(0); ++t) {
    double dot = 0;
    for (std::int64_t d = first; d < first + width; ++d) dot += value(queries, row, d) * value(keys, t, d);
    scores.push_back(dot / std::sqrt(static_cast<double>(width)));
  }
  const double largest = *std::ranges::max_element(scores);
  std::vector<double> result(static_cast<std::size_t>(width), 0.0);
  double sum = 0;
  for (std::int64_t t = 0; t < keys.size(0); ++t) {
    const double weight = std::exp(scores[static_cast<std::size_t>(t)] - largest);
    sum += weight;
    for (std::int64_t d = 0; d < width; ++d)
      result[static_cast<std::size_t>(d)] += weight * value(values, t, first + d);
  }
  for (double& component : result) component /= sum;
  return result;
}

void expect_attention(const Size& size, SimdPath path) {
  const std::int64_t dim = size.heads * size.width;
  // Side by side, as a block's projection leaves them: rows are strided.
  const at::Tensor all = random_rows(std::max(size.queries, size.keys), 3 * dim, 1);
  const at::Tensor queries = all.narrow(0, 0, size.queries).narrow(1, 0, dim);
  const at::Tensor keys = all.narrow(0, 0, size.keys).narrow(1, dim, dim);
  const at::Tensor values = all.narrow(0, 0, size.keys).narrow(1, 2 * dim, dim);
  const at::Tensor result = Attention(dim, size.heads, path).attend(queries, keys, values);
  ASSERT_EQ(result.size(0), size.queries);
  ASSERT_EQ(result.size(1), dim);
  double worst = 0;
  for (std::int64_t h = 0; h < size.heads; ++h) {
    for (std::int64_t row = 0; row < size.queries; ++row) {
      const auto expected = expected_row(queries, keys, values, row, h * size.width, size.width);
      for (std::int64_t d = 0; d < size.width; ++d) {
        const double error = value(result, row, h * size.width + d) - expected[static_cast<std::size_t>(d)];
        // A comparison that fails for what is not a number, too.
        worst = std::abs(error) <= worst ? worst : std::abs(error);
      }
    }
  }
  EXPECT_LE(worst, 3e-6) << text_of(size, path);
}

TEST(Attention, EveryPathAgreesWithPlainLoops) {
  const std::vector<Size> sizes{{1, 1, 1, 64},    {1, 197, 2, 64},   {197, 197, 2, 64}, {197, 197, 3, 32},
                                {65, 66, 2, 80},  {50, 300, 1, 128}, {29, 31, 1, 16},   {6, 16, 1, 5},
                                {57, 513, 2, 17}, {13, 33, 1, 1}};
  for (const SimdPath path : supported_simd_paths()) {
    std::cout << "path " << name(path) << std::endl;
    for (const Size& size : sizes) expect_attention(size, path);
  }
}

TEST(Attention, ARowDoesNotDependOnTheOthers) {
  constexpr std::int64_t count = 131;
  const at::Tensor queries = random_rows(count, 128, 1);
  const at::Tensor keys = random_rows(count, 128, 2);
  const at::Tensor values = random_rows(count, 128, 3);
  for (const SimdPath path : supported_simd_paths()) {
    const Attention attention(128, 2, path);
    const at::Tensor all = attention.attend(queries, keys, values);
    for (const std::int64_t row : {0, 1, 5, 77, 130}) {
      const at::Tensor alone = attention.attend(queries.narrow(0, row, 1), keys, values);
      EXPECT_TRUE(at::equal(alone, all.narrow(0, row, 1))) << row << " " << name(path);
    }
  }
}

TEST(Attention, ThreadsDoNotDisturbEachOther) {
  const at::Tensor rows = random_rows(100, 192, 4);
  const auto part = [&](std::int64_t which) { return rows.narrow(1, which * 64, 64); };
  for (const SimdPath path : supported_simd_paths()) {
    const Attention attention(64, 1, path);
    const at::Tensor expected = attention.attend(part(0), part(1), part(2));
    parallel_for(16, 4, [&](std::int64_t) {
      EXPECT_TRUE(at::equal(attention.attend(part(0), part(1), part(2)), expected)) << name(path);
    });
  }
}

TEST(Attention, LargeScoresNeitherOverflowNorVanish) {
  // Scores of some ten thousands, of both signs; each row's shares add up to one.
  const at::Tensor queries = random_rows(40, 64, 1, 100.0F);
  const at::Tensor keys = random_rows(70, 64, 2, 100.0F);
  const at::Tensor values = at::ones({70, 64}, at::kFloat);
  for (const SimdPath path : supported_simd_paths()) {
    const at::Tensor result = Attention(64, 1, path).attend(queries, keys, values);
    for (std::int64_t i = 0; i < result.numel(); ++i) ASSERT_NEAR(result.data_ptr<float>()[i], 1.0F, 1e-6F);
  }
}

TEST(Attention, WhatIsNotANumberIsNotHidden) {
  const at::Tensor queries = random_rows(7, 64, 1);
  const at::Tensor keys = random_rows(20, 64, 2);
  const at::Tensor values = random_rows(20, 64, 3);
  queries.data_ptr<float>()[3 * 64 + 9] = std::numeric_limits<float>::quiet_NaN();
  for (const SimdPath path : supported_simd_paths()) {
    const at::Tensor result = Attention(64, 1, path).attend(queries, keys, values);
    for (std::int64_t row = 0; row < 7; ++row) EXPECT_EQ(std::isnan(value(result, row, 0)), row == 3) << name(path);
  }
}

TEST(Attention, SegmentsSeeTheirOwnRows) {
  constexpr std::int64_t width = 40;
  const at::Tensor query = random_rows(1, 2 * width, 1);
  const at::Tensor keys = random_rows(6, 2 * width, 2);
  const at::Tensor values = random_rows(6, 2 * width, 3);
  const std::vector<std::int16_t> map{1, 1, 1, 0, 0, -1};
  const at::Tensor result = Attention(2 * width, 2).attend_segments(query, keys, values, map, 2);
  const std::vector<std::pair<std::int64_t, std::int64_t>> rows{{3, 2}, {0, 3}};  // first and count of segment 0 and 1
  for (std::int64_t s = 0; s < 2; ++s) {
    const auto [first, count] = rows[static_cast<std::size_t>(s)];
    for (const std::int64_t head : {0, 1}) {
      const auto expected =
          expected_row(query, keys.narrow(0, first, count), values.narrow(0, first, count), 0, head * width, width);
      for (std::int64_t d = 0; d < width; ++d) {
        EXPECT_NEAR(value(result, s, head * width + d), expected[static_cast<std::size_t>(d)], 3e-6);
      }
    }
  }
}

TEST(Attention, APathThatTheCpuLacksIsRefused) {
  const auto supported = supported_simd_paths();
  for (const SimdPath path : {SimdPath::avx2, SimdPath::avx512}) {
    if (std::ranges::find(supported, path) != supported.end()) continue;
    EXPECT_ANY_THROW(Attention(64, 1, path)) << name(path);
  }
}

}  // namespace attention_test
}  // namespace datus::test
