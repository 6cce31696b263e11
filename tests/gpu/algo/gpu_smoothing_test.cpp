// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_smoothing.hpp"

#include "affinity_images.hpp"
#include "datus/algo/smoothing.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// Against the CPU, whose smoothing the unit tests compare with its definition: the same bits, signs of zeros too.

namespace datus {
namespace {

using namespace affinity_images;

std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits;
  bits.reserve(values.size());
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

void expect_image_of_the_cpu(const GpuSmoothing& gpu, int place, const Image& image, Shape shape, double temperature) {
  const auto found = bits_of(gpu.smoothed(place));
  const auto expected = bits_of(smooth_embeddings(image.keys, shape.nodes, shape.dim, temperature, image.valid));
  ASSERT_EQ(found.size(), expected.size());
  const auto differs = std::ranges::mismatch(found, expected).in1 - found.begin();
  EXPECT_EQ(differs, std::ssize(found)) << "image " << place << ", " << shape.nodes << " patches, " << shape.dim
                                        << " dimensions: patch " << differs / shape.dim;
}

void expect_same_bits(Shape shape, double temperature, std::span<const Image> images) {
  GpuSmoothing gpu(0, shape.nodes, shape.dim, static_cast<int>(images.size()), temperature);
  stage_all(gpu, images);
  gpu.submit(static_cast<int>(images.size()));
  ASSERT_EQ(gpu.take(), std::ssize(images));
  for (std::size_t i = 0; i < images.size(); ++i) {
    expect_image_of_the_cpu(gpu, static_cast<int>(i), images[i], shape, temperature);
  }
}

// Sizes around the borders of slices (16), words (64) and panels (128), of patches and of dimensions; f16 and f32, with
// and without padding.
TEST(GpuSmoothing, EverySizeHasTheBitsOfTheCpu) {
  DATUS_REQUIRE_GPU();
  unsigned seed = 0;
  for (const int nodes : {1, 2, 15, 16, 17, 35, 64, 127, 128, 129, 300}) {
    for (const int dim : {1, 6, 16, 33, 127, 129}) {
      if (nodes > 129 && dim != 33 && dim != 129) continue;  // many panels are slow to emulate
      const Shape shape{nodes, dim};
      const std::vector<float> keys = grouped_keys(shape, ++seed);
      const std::vector<std::uint8_t> valid = random_mask(nodes, seed);
      const std::array<Image, 4> images{{{keys, {}}, {keys, valid}, {as_halves(keys), {}}, {as_halves(keys), valid}}};
      expect_same_bits(shape, 0.3, images);
    }
  }
}

TEST(GpuSmoothing, SizesOfRealModels) {
  DATUS_REQUIRE_GPU();
  for (const Shape shape : {Shape{784, 384}, Shape{1024, 384}, Shape{196, 768}}) {
    const std::array<Image, 1> images{{{as_halves(grouped_keys(shape, 1)), {}}}};
    expect_same_bits(shape, 0.05, images);
  }
}

// At 0.05 most weights are 0, at 4 none.
TEST(GpuSmoothing, Temperatures) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{141, 37};
  const std::vector<float> keys = grouped_keys(shape, 7);
  const std::array<Image, 2> images{{{keys, {}}, {keys, random_mask(141, 8)}}};
  for (const double temperature : {0.01, 0.05, 0.1, 4.0}) expect_same_bits(shape, temperature, images);
}

// Embeddings whose mean is far from 0, so that nothing of it may be left out or rounded otherwise.
TEST(GpuSmoothing, TheMeanIsOfTheValidPatchesInTheirOrder) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{70, 20};
  std::vector<float> keys = random_keys(shape, 5, 30.0F);
  const std::array<Image, 3> images{{{keys, {}}, {keys, random_mask(70, 6)}, {as_halves(keys), random_mask(70, 9)}}};
  for (const double temperature : {0.05, 0.5}) expect_same_bits(shape, temperature, images);
}

TEST(GpuSmoothing, EqualEmbeddingsNoDirectionAndNoPatch) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{66, 6};
  const std::vector<std::uint8_t> none(66);
  std::vector<std::uint8_t> one(66);
  one[65] = 1;
  // A patch and its opposite, whose sum is zero where both have the same weight.
  std::vector<float> opposite(66 * 6);
  for (std::size_t i = 0; i < opposite.size(); ++i) opposite[i] = i / 6 % 2 == 0 ? 1.0F : -1.0F;
  const std::array<Image, 6> images{{{std::vector<float>(66 * 6, 0.3F), {}},
                                     {std::vector<float>(66 * 6), {}},
                                     {random_keys(shape, 1), none},
                                     {random_keys(shape, 2), one},
                                     {std::vector<float>(66 * 6, -0.0F), random_mask(66, 3)},
                                     {opposite, {}}}};
  for (const double temperature : {0.05, 1000.0}) expect_same_bits(shape, temperature, images);
}

// Denormals, zeros of both signs, and embeddings whose squares f32 cannot hold.
TEST(GpuSmoothing, SmallAndLargeValues) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{70, 4};
  std::mt19937 generator(13);
  const std::array<float, 8> choices{0.0F, -0.0F, 0x1p-149F, -0x1p-149F, 0x1p-24F, -0x1p-75F, 1e30F, -1.0F};
  std::array<Image, 4> images;
  for (std::size_t i = 0; i < images.size(); ++i) {
    // The last ones have denormals alone, of which products are lost.
    const std::size_t count = i < 2 ? choices.size() : 4;
    images.at(i).keys.resize(280);
    for (float& value : images.at(i).keys) value = choices.at(generator() % count);
  }
  for (const double temperature : {0.05, 1.0}) expect_same_bits(shape, temperature, images);
}

TEST(GpuSmoothing, NobodyLooksAtPadding) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{33, 5};
  const std::vector<float> clean = random_keys(shape, 3);
  std::vector<float> keys = clean;
  std::vector<std::uint8_t> valid(33, 1);
  for (const std::size_t node : {0U, 7U, 32U}) {
    valid[node] = 0;
    keys[node * 5 + 1] = node == 7 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  }
  GpuSmoothing gpu(0, shape.nodes, shape.dim, 1, 0.2);
  gpu.stage(0, keys, valid);
  gpu.submit(1);
  gpu.take();
  const auto expected = smooth_embeddings(clean, shape.nodes, shape.dim, 0.2, valid);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (valid[i / 5] != 0) {
      EXPECT_EQ(gpu.smoothed(0)[i], expected[i]) << i;
    }
  }
}

// A sum of negative products that are rounded to zero is 0, and not -0: patch 0 is far from all others. There are as
// many as a slice has: nothing is filled up with zeros, which would make it 0 too.
TEST(GpuSmoothing, AZeroIsPositive) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{16, 2};
  std::array<Image, 1> images;
  for (int node = 0; node < shape.nodes; ++node) {
    const bool first = node == 0;
    images[0].keys.insert(images[0].keys.end(), {first ? 5.0F : -1.0F, first ? -0.0F : -0x1p-149F});
  }
  const auto bits = bits_of(smooth_embeddings(images[0].keys, shape.nodes, shape.dim, 1.0));
  EXPECT_EQ(bits[1], 0U);
  expect_same_bits(shape, 1.0, images);
}

// Two chunks are under way, in places of their own, the last one with fewer images.
TEST(GpuSmoothing, ManyChunksOneBehindTheOther) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{37, 12};
  GpuSmoothing first(0, shape.nodes, shape.dim, 3, 0.2);
  GpuSmoothing gpu(std::move(first));
  EXPECT_EQ(gpu.capacity(), 3);
  std::vector<std::vector<Image>> chunks(5, std::vector<Image>(3));
  chunks.back().resize(1);
  unsigned seed = 0;
  for (auto& chunk : chunks) {
    for (Image& image : chunk) image = {grouped_keys(shape, ++seed), random_mask(37, seed)};
  }
  const auto submit = [&](std::size_t c) {
    stage_all(gpu, chunks[c]);
    gpu.submit(static_cast<int>(chunks[c].size()));
  };
  submit(0);
  submit(1);
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    ASSERT_EQ(gpu.take(), std::ssize(chunks[c]));
    if (c + 2 < chunks.size()) stage_all(gpu, chunks[c + 2]);  // beside those that are in use
    for (std::size_t i = 0; i < chunks[c].size(); ++i) {
      expect_image_of_the_cpu(gpu, static_cast<int>(i), chunks[c][i], shape, 0.2);
    }
    if (c + 2 < chunks.size()) gpu.submit(static_cast<int>(chunks[c + 2].size()));
  }
}

TEST(GpuSmoothing, TakesEmbeddingsThatLieOnTheGpu) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{50, 9};
  constexpr std::size_t values = 50 * 9;
  const cuda::Stream stream;
  std::vector<half> halves(2 * values);
  const std::vector<float> keys = as_halves(grouped_keys({100, 9}, 4));
  ASSERT_TRUE(to_half_exactly(keys, halves));
  const GpuKeys on_gpu(0, {.images = 2, .values = values, .halves = true});
  cuda::copy(reinterpret_cast<half*>(on_gpu.address()), halves.data(), halves.size(), stream);
  stream.wait();
  const std::vector<std::uint8_t> valid = random_mask(50, 1);
  GpuSmoothing gpu(0, shape.nodes, shape.dim, 2, 0.1);
  gpu.stage(0, on_gpu, 1, valid);
  gpu.stage(1, std::span(halves).first(values));
  gpu.submit(2);
  gpu.take();
  const std::span all(keys);
  expect_image_of_the_cpu(gpu, 0, {{all.begin() + values, all.end()}, valid}, shape, 0.1);
  expect_image_of_the_cpu(gpu, 1, {{all.begin(), all.begin() + values}, {}}, shape, 0.1);
  EXPECT_THROW(gpu.stage(0, on_gpu, 2), UsageError);
  EXPECT_THROW(gpu.stage(0, GpuKeys(0, {.images = 1, .values = values - 1, .halves = true}), 0), InputError);
}

TEST(GpuSmoothing, RefusesWhatDoesNotFit) {
  DATUS_REQUIRE_GPU();
  for (const double temperature : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(GpuSmoothing(0, 4, 2, 1, temperature), UsageError);
  }
  EXPECT_THROW(GpuSmoothing(0, 4, 0, 1, 0.1), UsageError);
  EXPECT_THROW(GpuSmoothing(0, 4, 2, 0, 0.1), UsageError);
  EXPECT_THROW(GpuSmoothing(0, 0, 2, 1, 0.1), InputError);
  EXPECT_THROW(GpuSmoothing(99, 4, 2, 1, 0.1), SystemError);
  EXPECT_THROW(GpuSmoothing(0, max_nodes, 100'000, GpuAffinity::max_capacity, 0.1), DeviceMemoryError);
  GpuSmoothing gpu(0, 4, 2, 1, 0.1);
  const std::vector<float> keys = random_keys({4, 2}, 1);
  EXPECT_THROW(gpu.take(), UsageError);
  EXPECT_THROW(gpu.submit(2), UsageError);
  EXPECT_THROW(gpu.stage(1, keys), UsageError);
  EXPECT_THROW(gpu.stage(0, std::span(keys).first(7)), InputError);
  EXPECT_THROW((void)gpu.smoothed(0), UsageError);
  gpu.stage(0, keys);
  gpu.submit(1);
  gpu.take();
  expect_image_of_the_cpu(gpu, 0, {keys, {}}, {4, 2}, 0.1);
  EXPECT_THROW((void)gpu.smoothed(1), UsageError);
}

}  // namespace
}  // namespace datus
