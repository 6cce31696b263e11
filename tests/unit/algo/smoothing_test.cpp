// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/smoothing.hpp"

#include "datus/algo/gpu_smoothing.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "support/errors.hpp"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace smoothing_test {

using Rows = std::vector<std::vector<double>>;

Rows unit_rows(Rows rows) {
  for (auto& row : rows) {
    double square = 0;
    for (const double value : row) square += value * value;
    if (square == 0) continue;
    for (double& value : row) value /= std::sqrt(square);
  }
  return rows;
}

/// The definition, in double precision.
Rows plain_smoothing(const Rows& keys, double temperature, const std::vector<std::uint8_t>& valid) {
  const auto is_valid = [&](std::size_t i) { return valid.empty() || valid[i] != 0; };
  const std::size_t dim = keys.front().size();
  std::vector<double> mean(dim);
  double count = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!is_valid(i)) continue;
    ++count;
    for (std::size_t d = 0; d < dim; ++d) mean[d] += keys[i][d];
  }
  Rows centred = keys;
  for (auto& row : centred) {
    for (std::size_t d = 0; d < dim; ++d) row[d] -= mean[d] / count;
  }
  centred = unit_rows(centred);
  Rows smooth = keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!is_valid(i)) continue;
    std::vector<double> sum(dim);
    for (std::size_t j = 0; j < keys.size(); ++j) {
      if (!is_valid(j)) continue;
      double cosine = 0;
      for (std::size_t d = 0; d < dim; ++d) cosine += centred[i][d] * centred[j][d];
      const double weight = i == j ? 1 : std::exp((cosine - 1) / temperature);
      for (std::size_t d = 0; d < dim; ++d) sum[d] += weight * keys[j][d];
    }
    smooth[i] = sum;
  }
  return unit_rows(smooth);
}

struct Image {
  int nodes;
  int dim;
  std::vector<float> values;
  [[nodiscard]] Rows rows() const {
    Rows rows(static_cast<std::size_t>(nodes));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i) * dim;
      rows[i].assign(begin, begin + dim);
    }
    return rows;
  }
};

/// Patches of a few kinds, far from 0, as keys of real backbones are.
Image random_image(int nodes, int dim, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0F, 1.0F);
  std::vector<std::vector<float>> kinds(4, std::vector<float>(static_cast<std::size_t>(dim)));
  for (auto& kind : kinds) {
    for (float& value : kind) value = normal(generator);
  }
  Image image{nodes, dim, {}};
  for (int i = 0; i < nodes; ++i) {
    const auto& kind = kinds[generator() % kinds.size()];
    for (int d = 0; d < dim; ++d)
      image.values.push_back(2.0F + kind[static_cast<std::size_t>(d)] + 0.4F * normal(generator));
  }
  return image;
}

void expect_near(const std::vector<float>& found, const Rows& wanted, double tolerance) {
  const std::size_t dim = wanted.front().size();
  ASSERT_EQ(found.size(), wanted.size() * dim);
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(found[i]), wanted[i / dim][i % dim], tolerance) << i;
  }
}

TEST(Smoothing, IsTheDefinitionOnEveryPath) {
  // Sizes around the borders of tiles and panels.
  for (const auto& [nodes, dim] : {std::pair{1, 3}, {5, 16}, {7, 17}, {48, 33}, {100, 64}, {131, 49}}) {
    for (const double temperature : {0.05, 0.3, 5.0}) {
      const Image image = random_image(nodes, dim, static_cast<unsigned>(nodes));
      const auto wanted = plain_smoothing(image.rows(), temperature, {});
      const auto best = smooth_embeddings(image.values, nodes, dim, temperature);
      expect_near(best, wanted, 3e-5);
      for (const SimdPath path : supported_simd_paths()) {
        EXPECT_EQ(smooth_embeddings(image.values, nodes, dim, temperature, {}, path), best) << name(path);
      }
    }
  }
}

TEST(Smoothing, PaddingTakesNoPart) {
  const Image image = random_image(60, 20, 2);
  std::vector<std::uint8_t> valid(60, 1);
  for (std::size_t i = 40; i < 60; ++i) valid[i] = 0;
  const auto smooth = smooth_embeddings(image.values, 60, 20, 0.1, valid);
  expect_near(smooth, plain_smoothing(image.rows(), 0.1, valid), 3e-5);
  const Image alone{40, 20, {image.values.begin(), image.values.begin() + 800}};
  const auto without = smooth_embeddings(alone.values, 40, 20, 0.1);
  EXPECT_EQ(std::vector<float>(smooth.begin(), smooth.begin() + 800), without);
}

// An image of one colour: no patch differs from the mean, and each keeps its own direction.
TEST(Smoothing, PatchesThatAreAllEqualStay) {
  const Image image{9, 2, std::vector<float>(18, 3.0F)};
  for (const float value : smooth_embeddings(image.values, 9, 2, 0.05)) EXPECT_NEAR(value, std::sqrt(0.5), 1e-6);
  const Image zero{4, 2, std::vector<float>(8)};
  EXPECT_EQ(smooth_embeddings(zero.values, 4, 2, 0.05), zero.values);
}

TEST(Smoothing, Refusals) {
  const Image image = random_image(4, 3, 1);
  EXPECT_THROW((void)smooth_embeddings(image.values, 4, 3, 0.0), UsageError);
  EXPECT_THROW((void)smooth_embeddings(image.values, 4, 3, std::nan("")), UsageError);
  EXPECT_THROW((void)smooth_embeddings(image.values, 5, 3, 0.1), InputError);
  EXPECT_THROW((void)smooth_embeddings(image.values, 4, 3, 0.1, std::vector<std::uint8_t>(3, 1)), InputError);
}

TEST(GpuSmoothing, IsRefusedByABuildWithoutCuda) {
  if (built_with_cuda()) GTEST_SKIP() << "this build has CUDA";
  test::expect_error<SystemError>([] { const GpuSmoothing gpu(0, 4, 4, 1, 0.1); }, {"this build has no CUDA"});
}

}  // namespace smoothing_test
}  // namespace datus
