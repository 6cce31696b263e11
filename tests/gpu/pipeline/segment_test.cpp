// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/segment.hpp"

#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "support/gpu_required.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace {

/// Images of a few rectangles, each of which has a key that its patches share but for noise.
KeysFile make_keys(int images, GridSize grid, int dim, bool padded, unsigned seed = 1,
                   KeyType type = KeyType::float32) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  const auto below = [&](int count) { return static_cast<int>(generator() % static_cast<unsigned>(count)); };
  KeysFile file;
  file.grid = grid;
  file.patch = 8;
  file.dim = dim;
  std::vector<float> values;
  for (int image = 0; image < images; ++image) {
    file.images.name.push_back("image" + std::to_string(image) + ".png");
    std::vector<std::vector<float>> regions(5, std::vector<float>(static_cast<std::size_t>(dim)));
    for (auto& region : regions) {
      for (float& value : region) value = normal(generator);
    }
    const int row = below(grid.rows);
    const int col = below(grid.cols);
    for (int patch = 0; patch < grid.patches(); ++patch) {
      const bool under = patch / grid.cols > row;
      const bool right = patch % grid.cols > col;
      const auto& region = regions[(under ? 2U : 0U) + (right ? 1U : 0U)];
      // Every other image has values that f16 does not hold.
      for (const float value : region) {
        const float noisy = value + 0.5F * normal(generator);
        values.push_back(image % 2 == 0 ? to_float(to_half(noisy)) : noisy);
      }
      if (padded) file.valid.push_back(patch / grid.cols < grid.rows - image % 3 ? 1 : 0);
    }
  }
  file.keys = KeyValues(values, type);
  return file;
}

void expect_equal(const SegmentsFile& found, const SegmentsFile& expected) {
  EXPECT_EQ(found.images.name, expected.images.name);
  EXPECT_EQ(found.grid, expected.grid);
  EXPECT_EQ(found.patch, expected.patch);
  EXPECT_EQ(found.segment, expected.segment);
  EXPECT_EQ(found.community, expected.community);
  EXPECT_EQ(found.offset, expected.offset);
  EXPECT_EQ(found.box, expected.box);
  EXPECT_EQ(found.size, expected.size);
}

// Chunks have 8 images: none, one, some, whole ones and a rest.
TEST(GpuSegment, AnyNumberOfImagesAndThreadsGivesTheSegmentsOfTheCpu) {
  DATUS_REQUIRE_GPU();
  SegmentGpu gpu(0);
  const Config config;
  for (const auto& [padded, type] :
       {std::pair(false, KeyType::float32), std::pair(true, KeyType::float32), std::pair(true, KeyType::float16)}) {
    for (const int images : {0, 1, 8, 9, 16, 27}) {
      const KeysFile keys = make_keys(images, {9, 8}, 10, padded, 1, type);
      const SegmentsFile expected = segment_keys(keys, config, 1);
      if (images > 0) {
        ASSERT_GT(expected.size.size(), 0U);
      }
      for (const int threads : {1, 3}) expect_equal(segment_keys(keys, config, threads, &gpu), expected);
    }
  }
}

TEST(GpuSegment, EverySetting) {
  DATUS_REQUIRE_GPU();
  SegmentGpu gpu(0);
  const KeysFile keys = make_keys(11, {8, 9}, 12, true);
  std::vector<Config> configs(9);
  configs[0].affinity.center = AffinityConfig::Center::image;
  configs[1].affinity.metric = AffinityConfig::Metric::cosine;
  configs[2].affinity.threshold = 4.0F;
  configs[3].affinity.quantile = 0.75;
  configs[4].affinity.weights = AffinityConfig::Weights::value;
  configs[5].segment.method = SegmentConfig::Method::none;
  configs[6].segment.resolution = 1.5;
  configs[6].segment.min_patches = 2;
  configs[6].segment.connectivity = 4;
  for (const std::size_t i : {7U, 8U}) {
    configs[i].affinity.metric = AffinityConfig::Metric::cosine;
    configs[i].affinity.weights = AffinityConfig::Weights::soft;
  }
  configs[8].affinity.center = AffinityConfig::Center::dataset;
  const std::vector<float> mean(12, 0.25F);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(gpu.makes(configs[i]), i < 3 || i >= 6);
    const SegmentsFile expected = segment_keys(keys, configs[i], 2, nullptr, mean);
    ASSERT_GT(expected.size.size(), 0U);
    expect_equal(segment_keys(keys, configs[i], 2, &gpu, mean), expected);
  }
  // The mean counts.
  EXPECT_NE(segment_keys(keys, configs[8], 2, &gpu, std::vector<float>(12, 3.0F)).community,
            segment_keys(keys, configs[7], 2, &gpu).community);
}

// Memory stays where the shape does, and is made anew where it does not.
TEST(GpuSegment, ShapesMayChange) {
  DATUS_REQUIRE_GPU();
  SegmentGpu gpu(0);
  for (const GridSize grid : {GridSize{4, 4}, GridSize{4, 4}, GridSize{12, 13}, GridSize{2, 8}}) {
    for (const int dim : {5, 20}) {
      const KeysFile keys = make_keys(9, grid, dim, false, static_cast<unsigned>(dim));
      expect_equal(segment_keys(keys, {}, 2, &gpu), segment_keys(keys, {}, 2));
    }
  }
}

TEST(GpuSegment, MemoryForEmbeddingsIsLentAgainWhereItFits) {
  DATUS_REQUIRE_GPU();
  SegmentGpu gpu(0);
  const GpuKeys::Shape shape{.images = 3, .values = 40, .halves = true};
  GpuKeys first = gpu.lend_keys(shape);
  const std::byte* const address = first.address();
  const GpuKeys second = gpu.lend_keys(shape);
  EXPECT_NE(second.address(), address);
  gpu.give_back(std::move(first));
  const GpuKeys larger = gpu.lend_keys({.images = 4, .values = 40, .halves = true});
  EXPECT_NE(larger.address(), address);
  EXPECT_EQ(gpu.lend_keys(shape).address(), address);
}

TEST(GpuSegment, ServesAgainAfterAnError) {
  DATUS_REQUIRE_GPU();
  SegmentGpu gpu(0);
  const KeysFile keys = make_keys(20, {6, 6}, 8, false);
  Config wrong;
  wrong.segment.connectivity = 5;
  EXPECT_THROW(static_cast<void>(segment_keys(keys, wrong, 2, &gpu)), UsageError);
  expect_equal(segment_keys(keys, {}, 2, &gpu), segment_keys(keys, {}, 2));
}

TEST(GpuSegment, AGpuThatIsNotThereIsAnError) {
  DATUS_REQUIRE_GPU();
  SegmentGpu gpu(99);
  const KeysFile keys = make_keys(2, {3, 3}, 4, false);
  EXPECT_THROW(static_cast<void>(segment_keys(keys, {}, 1, &gpu)), SystemError);
}

}  // namespace
}  // namespace datus
