// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/affinity.hpp"

#include "datus/algo/gpu_affinity.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace affinity_test {

using Center = AffinityOptions::Center;
using Metric = AffinityOptions::Metric;

struct Keys {
  int nodes;
  int dim;
  std::vector<float> values;
  [[nodiscard]] float at(int node, int d) const {
    return values[static_cast<std::size_t>(node) * static_cast<std::size_t>(dim) + static_cast<std::size_t>(d)];
  }
};

Keys random_keys(int nodes, int dim, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.2F, 1.0F);
  Keys keys{nodes, dim, std::vector<float>(static_cast<std::size_t>(nodes) * static_cast<std::size_t>(dim))};
  for (float& value : keys.values) value = normal(generator);
  return keys;
}

/// The definition: one chain of fused multiply-adds.
float affinity_of(const Keys& keys, int i, int j) {
  float sum = 0.0F;
  for (int d = 0; d < keys.dim; ++d) sum = std::fma(keys.at(i, d), keys.at(j, d), sum);
  return sum;
}

BitGraph plain_graph(const Keys& keys, float threshold, const std::vector<std::uint8_t>& valid = {}) {
  BitGraph graph(keys.nodes);
  const auto is_valid = [&](int node) { return valid.empty() || valid[static_cast<std::size_t>(node)] != 0; };
  for (int i = 0; i < keys.nodes; ++i) {
    for (int j = 0; j <= i; ++j) {
      if (is_valid(i) && is_valid(j) && affinity_of(keys, i, j) > threshold) graph.add_edge(i, j);
    }
  }
  return graph;
}

std::vector<std::uint8_t> random_mask(int nodes, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<std::uint8_t> valid(static_cast<std::size_t>(nodes));
  for (std::uint8_t& flag : valid) flag = generator() % 4 != 0 ? 1 : 0;
  return valid;
}

TEST(SimdPath, BestIsTheLastSupportedOne) {
  const auto paths = supported_simd_paths();
  for (const SimdPath path : paths) std::cout << "path on this CPU: " << name(path) << "\n";
  ASSERT_FALSE(paths.empty());
  EXPECT_EQ(paths.front(), SimdPath::scalar);
  EXPECT_EQ(paths.back(), best_simd_path());
  for (const SimdPath path : {SimdPath::scalar, SimdPath::avx2, SimdPath::avx512}) {
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
      EXPECT_THROW(require_simd_path(path), UsageError);
    } else {
      EXPECT_NO_THROW(require_simd_path(path));
    }
  }
}

// Sizes around the borders of tiles (6, 8), panels (16, 48) and words (64), with and without padding patches.
TEST(Affinity, EveryPathEqualsPlainLoops) {
  unsigned seed = 0;
  for (const int nodes : {1, 2, 7, 15, 16, 17, 33, 48, 63, 64, 65, 100, 129, 193}) {
    for (const int dim : {1, 3, 64}) {
      const Keys keys = random_keys(nodes, dim, ++seed);
      const std::vector<std::uint8_t> valid = random_mask(nodes, seed);
      for (const float threshold : {0.0F, -1.5F, 2.0F}) {
        const BitGraph all = plain_graph(keys, threshold);
        const BitGraph masked = plain_graph(keys, threshold, valid);
        for (const SimdPath path : supported_simd_paths()) {
          const AffinityOptions options{.threshold = threshold};
          ASSERT_EQ(build_bit_graph(keys.values, nodes, dim, options, {}, path), all) << name(path) << " " << nodes;
          ASSERT_EQ(build_bit_graph(keys.values, nodes, dim, options, valid, path), masked)
              << name(path) << " " << nodes;
        }
      }
    }
  }
}

// From left to right 2^25 + 1 - 2^25 is 0 in f32, in other orders it is 1. The square of 1 + 2^-12 is 1 + 2^-11 +
// 2^-24, whose last bit only a fused operation keeps.
TEST(Affinity, SumIsOneFusedChainInIndexOrder) {
  const std::vector<float> order{0x1p25F, 1.0F, -0x1p25F, 1.0F, 1.0F, 1.0F};
  const float fine = 1.0F + 0x1p-12F;
  const std::vector<float> fused{1.0F, fine, -(1.0F + 0x1p-11F), fine};
  for (const SimdPath path : supported_simd_paths()) {
    EXPECT_FALSE(build_bit_graph(order, 2, 3, {}, {}, path).has_edge(0, 1)) << name(path);
    EXPECT_TRUE(build_bit_graph(fused, 2, 2, {}, {}, path).has_edge(0, 1)) << name(path);
  }
}

TEST(Affinity, ZeroAffinityIsNoEdge) {
  const std::vector<float> keys{1.0F, 0.0F, 0.0F, 1.0F, 0.0F, 0.0F};  // two at a right angle, one zero
  for (const Metric metric : {Metric::dot, Metric::cosine}) {
    const BitGraph graph = build_bit_graph(keys, 3, 2, {.metric = metric});
    EXPECT_EQ(graph.total(), 2);
    EXPECT_TRUE(graph.has_edge(0, 0));
    EXPECT_TRUE(graph.has_edge(1, 1));
    EXPECT_FALSE(graph.has_edge(2, 2));
  }
}

Keys centered(Keys keys, const std::vector<std::uint8_t>& valid) {
  for (int d = 0; d < keys.dim; ++d) {
    double sum = 0.0;
    int count = 0;
    for (int i = 0; i < keys.nodes; ++i) {
      if (valid[static_cast<std::size_t>(i)] == 0) continue;
      sum += static_cast<double>(keys.at(i, d));
      ++count;
    }
    const auto mean = static_cast<float>(sum / count);
    for (int i = 0; i < keys.nodes; ++i) keys.values[static_cast<std::size_t>(i * keys.dim + d)] -= mean;
  }
  return keys;
}

Keys unit_length(Keys keys) {
  for (int i = 0; i < keys.nodes; ++i) {
    double sum = 0.0;
    for (int d = 0; d < keys.dim; ++d) sum += static_cast<double>(keys.at(i, d)) * static_cast<double>(keys.at(i, d));
    for (int d = 0; d < keys.dim; ++d) {
      float& value = keys.values[static_cast<std::size_t>(i * keys.dim + d)];
      value = static_cast<float>(static_cast<double>(value) / std::sqrt(sum));
    }
  }
  return keys;
}

TEST(Affinity, CenterAndCosine) {
  const Keys keys = random_keys(70, 19, 5);
  const std::vector<std::uint8_t> valid = random_mask(70, 6);
  for (const SimdPath path : supported_simd_paths()) {
    EXPECT_EQ(build_bit_graph(keys.values, 70, 19, {.center = Center::image}, valid, path),
              plain_graph(centered(keys, valid), 0.0F, valid));
    EXPECT_EQ(build_bit_graph(keys.values, 70, 19, {.metric = Metric::cosine, .threshold = 0.3F}, valid, path),
              plain_graph(unit_length(keys), 0.3F, valid));
    const AffinityOptions both{.center = Center::image, .metric = Metric::cosine, .threshold = 0.1F};
    EXPECT_EQ(build_bit_graph(keys.values, 70, 19, both, valid, path),
              plain_graph(unit_length(centered(keys, valid)), 0.1F, valid));
  }
}

TEST(Affinity, QuantileIsAnOrderStatistic) {
  const int nodes = 53;
  const Keys keys = random_keys(nodes, 8, 9);
  const std::vector<std::uint8_t> valid = random_mask(nodes, 10);
  std::vector<float> values;
  for (int i = 0; i < nodes; ++i) {
    for (int j = i + 1; j < nodes; ++j) {
      if (valid[static_cast<std::size_t>(i)] != 0 && valid[static_cast<std::size_t>(j)] != 0) {
        values.push_back(affinity_of(keys, i, j));
      }
    }
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.0, 0.25, 0.5, 0.9, 1.0}) {
    const float threshold = values[static_cast<std::size_t>(quantile * static_cast<double>(values.size() - 1))];
    const AffinityOptions options{.threshold = 77.0F, .quantile = quantile};
    EXPECT_EQ(build_bit_graph(keys.values, nodes, 8, options, valid), plain_graph(keys, threshold, valid)) << quantile;
  }
  const std::vector<float> one{2.0F};  // no pair, no quantile: the threshold stays
  EXPECT_TRUE(build_bit_graph(one, 1, 1, {.threshold = 3.0F, .quantile = 0.5}).has_edge(0, 0));
}

TEST(Affinity, WeightsAreTheRoundedAffinities) {
  const int nodes = 67;
  Keys keys = random_keys(nodes, 12, 11);
  const std::vector<std::uint8_t> valid = random_mask(nodes, 12);
  for (const float factor : {1.0F, 1e-8F, 3e5F}) {
    for (float& value : keys.values) value *= factor;
    const float threshold = 0.5F * factor;
    float largest = 0.0F;
    for (int i = 0; i < nodes; ++i) {
      if (valid[static_cast<std::size_t>(i)] != 0) largest = std::max(largest, affinity_of(keys, i, i));
    }
    double scale = 1.0;
    while (std::nearbyint(largest * scale) > 65535.0) scale /= 2.0;
    while (std::nearbyint(largest * scale * 2.0) <= 65535.0) scale *= 2.0;
    for (const SimdPath path : supported_simd_paths()) {
      const WeightedGraph graph = build_weighted_graph(keys.values, nodes, 12, {.threshold = threshold}, valid, path);
      for (int i = 0; i < nodes; ++i) {
        for (int j = 0; j < nodes; ++j) {
          const bool usable = valid[static_cast<std::size_t>(i)] != 0 && valid[static_cast<std::size_t>(j)] != 0;
          const float value = affinity_of(keys, i, j);
          const double expected = usable && value > threshold ? std::nearbyint(value * scale) : 0.0;
          ASSERT_EQ(graph.weight(i, j), expected) << i << " " << j;
        }
      }
    }
  }
}

TEST(Affinity, LargestWeightNeverReachesTwoToTheSixteen) {
  const std::vector<float> keys{std::nextafter(256.0F, 0.0F)};  // its square is less than 1/2 below 2^16
  const WeightedGraph graph = build_weighted_graph(keys, 1, 1);
  EXPECT_EQ(graph.weight(0, 0), 32768);
  const std::vector<float> zero{0.0F, 0.0F};
  EXPECT_EQ(build_weighted_graph(zero, 2, 1), WeightedGraph(2));
}

TEST(Affinity, RefusesWhatCannotBeMeant) {
  const std::vector<float> keys(6, 1.0F);
  const std::vector<std::uint8_t> short_mask(2, 1);
  EXPECT_THROW(static_cast<void>(build_bit_graph(keys, 3, 3)), InputError);
  EXPECT_THROW(static_cast<void>(build_bit_graph(keys, 0, 3)), InputError);
  EXPECT_THROW(static_cast<void>(build_bit_graph(keys, 3, 0)), InputError);
  EXPECT_THROW(static_cast<void>(build_bit_graph(keys, 3, 2, {}, short_mask)), InputError);
  EXPECT_THROW(static_cast<void>(build_bit_graph(keys, 3, 2, {.quantile = 1.5})), UsageError);
  EXPECT_THROW(static_cast<void>(build_weighted_graph(keys, 3, 2, {.threshold = -1.0F})), UsageError);
  const std::vector<float> large(40000, 1.0F);
  EXPECT_THROW(static_cast<void>(build_bit_graph(large, 40000, 1)), InputError);
  const std::vector<float> overflowing(6, 1e30F);
  EXPECT_THROW(static_cast<void>(build_bit_graph(overflowing, 3, 2, {.quantile = 0.5})), InputError);
  EXPECT_THROW(static_cast<void>(build_weighted_graph(overflowing, 3, 2)), InputError);
}

TEST(GpuAffinity, IsRefusedByABuildWithoutCuda) {
  if (built_with_cuda()) GTEST_SKIP() << "this build has CUDA";
  test::expect_error<SystemError>([] { const GpuAffinity gpu(0, 4, 4, 1); }, {"this build has no CUDA"});
}

TEST(SoftWeights, AreTheExponentialOfTheCosine) {
  const Keys keys = random_keys(70, 9, 5);
  std::vector<std::vector<double>> unit(70, std::vector<double>(9));
  for (int i = 0; i < 70; ++i) {
    double square = 0;
    for (int d = 0; d < 9; ++d) square += std::pow(static_cast<double>(keys.at(i, d)), 2);
    for (int d = 0; d < 9; ++d) {
      unit[static_cast<std::size_t>(i)][static_cast<std::size_t>(d)] =
          static_cast<double>(keys.at(i, d)) / std::sqrt(square);
    }
  }
  const auto valid = random_mask(70, 3);
  for (const double temperature : {0.05, 0.3, 4.0}) {
    const AffinityOptions options{.metric = Metric::cosine, .temperature = temperature};
    const WeightedGraph best = build_weighted_graph(keys.values, 70, 9, options, valid);
    for (const SimdPath path : supported_simd_paths()) {
      EXPECT_EQ(build_weighted_graph(keys.values, 70, 9, options, valid, path), best) << name(path);
    }
    for (int i = 0; i < 70; ++i) {
      for (int j = 0; j < 70; ++j) {
        double cosine = 0;
        for (std::size_t d = 0; d < 9; ++d)
          cosine += unit[static_cast<std::size_t>(i)][d] * unit[static_cast<std::size_t>(j)][d];
        double weight = i == j ? 65535.0 : 65535.0 * std::exp((cosine - 1) / temperature);
        if (valid[static_cast<std::size_t>(i)] == 0 || valid[static_cast<std::size_t>(j)] == 0) weight = 0;
        ASSERT_NEAR(best.weight(i, j), weight, 0.5 + 2e-5 * weight / temperature) << i << " " << j;
      }
    }
  }
}

TEST(SoftWeights, NeedCosinesAndATemperature) {
  const Keys keys = random_keys(4, 3, 1);
  EXPECT_THROW((void)build_weighted_graph(keys.values, 4, 3, {.temperature = 0.1}), UsageError);
  EXPECT_THROW((void)build_weighted_graph(keys.values, 4, 3, {.metric = Metric::cosine, .temperature = 0.0}),
               UsageError);
}

}  // namespace affinity_test
}  // namespace datus
