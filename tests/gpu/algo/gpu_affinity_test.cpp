// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_affinity.hpp"

#include "affinity_images.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace {

using namespace affinity_images;
using Center = AffinityOptions::Center;
using Metric = AffinityOptions::Metric;

void expect_graphs_of_the_cpu(const GpuAffinity& gpu, Shape shape, const AffinityOptions& options,
                              std::span<const Image> images) {
  for (std::size_t i = 0; i < images.size(); ++i) {
    const BitGraph expected = build_bit_graph(images[i].keys, shape.nodes, shape.dim, options, images[i].valid);
    EXPECT_EQ(gpu.graph(static_cast<int>(i)), expected)
        << "image " << i << ", " << shape.nodes << " patches, " << shape.dim << " dimensions";
  }
}

void expect_same_bits(Shape shape, const AffinityOptions& options, std::span<const Image> images) {
  GpuAffinity gpu(0, shape.nodes, shape.dim, static_cast<int>(images.size()), options);
  stage_all(gpu, images);
  gpu.submit(static_cast<int>(images.size()));
  ASSERT_EQ(gpu.take(), std::ssize(images));
  expect_graphs_of_the_cpu(gpu, shape, options, images);
}

// Sizes around the borders of words (64), panels (128) and slices of d (16); f16 and f32, with and without padding.
TEST(GpuAffinity, EverySizeHasTheBitsOfTheCpu) {
  DATUS_REQUIRE_GPU();
  unsigned seed = 0;
  for (const int nodes : {1, 2, 31, 63, 64, 65, 127, 128, 129, 196, 300, 513}) {
    for (const int dim : {1, 3, 8, 16, 33, 64}) {
      if (nodes > 129 && dim != 3 && dim != 33) continue;  // many panels are slow to emulate
      const Shape shape{nodes, dim};
      const std::vector<float> keys = random_keys(shape, ++seed);
      const std::vector<std::uint8_t> valid = random_mask(nodes, seed);
      const std::array<Image, 4> images{{{keys, {}}, {keys, valid}, {as_halves(keys), {}}, {as_halves(keys), valid}}};
      expect_same_bits(shape, {}, images);
    }
  }
}

TEST(GpuAffinity, SizesOfRealModels) {
  DATUS_REQUIRE_GPU();
  for (const Shape shape : {Shape{784, 40}, Shape{196, 384}}) {
    const std::array<Image, 2> images{
        {{random_keys(shape, 1, 0.0F), {}}, {as_halves(random_keys(shape, 2)), random_mask(shape.nodes, 3)}}};
    expect_same_bits(shape, {}, images);
  }
}

// A threshold below zero joins what is filled up with zeros, unless that is left out.
TEST(GpuAffinity, CenterMetricAndThreshold) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{141, 37};
  unsigned seed = 100;
  for (const Center center : {Center::none, Center::image}) {
    for (const Metric metric : {Metric::dot, Metric::cosine}) {
      for (const float threshold : {0.0F, -0.1F, 0.15F, 3.0F, -std::numeric_limits<float>::infinity(),
                                    std::numeric_limits<float>::quiet_NaN()}) {
        const std::vector<float> keys = random_keys(shape, ++seed, 0.7F);
        const std::vector<std::uint8_t> valid = random_mask(shape.nodes, seed);
        const std::array<Image, 3> images{{{keys, {}}, {keys, valid}, {as_halves(keys), valid}}};
        expect_same_bits(shape, {.center = center, .metric = metric, .threshold = threshold}, images);
      }
    }
  }
}

// Affinities close to the threshold: the order of the chain decides nearly every bit.
TEST(GpuAffinity, BitsThatHangOnTheLastRounding) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{150, 48};
  std::vector<float> keys = random_keys(shape, 7, 0.0F);
  // The second half of each key is the first half of another order, with the sign that makes most pairs cancel.
  std::mt19937 generator(8);
  for (std::size_t node = 0; node < static_cast<std::size_t>(shape.nodes); ++node) {
    const std::span key = std::span(keys).subspan(node * 48, 48);
    for (std::size_t d = 0; d < 24; ++d) key[47 - d] = (node % 2 == 0 ? 1.0F : -1.0F) * key[d];
  }
  const std::array<Image, 2> images{{{keys, {}}, {as_halves(keys), {}}}};
  for (const float threshold : {0.0F, 1e-6F, -1e-6F}) expect_same_bits(shape, {.threshold = threshold}, images);
}

// From left to right 2^25 + 1 - 2^25 is 0 in f32, in other orders it is 1. The square of 1 + 2^-12 is 1 + 2^-11 +
// 2^-24, whose last bit only a fused operation keeps.
TEST(GpuAffinity, SumIsOneFusedChainInIndexOrder) {
  DATUS_REQUIRE_GPU();
  const float fine = 1.0F + 0x1p-12F;
  const std::array<Image, 1> order{{{{0x1p25F, 1.0F, -0x1p25F, 1.0F, 1.0F, 1.0F}, {}}}};
  const std::array<Image, 1> fused{{{{1.0F, fine, -(1.0F + 0x1p-11F), fine}, {}}}};
  expect_same_bits({2, 3}, {}, order);
  expect_same_bits({2, 2}, {}, fused);
  GpuAffinity gpu(0, 2, 3, 1);
  stage_all(gpu, order);
  gpu.submit(1);
  gpu.take();
  EXPECT_FALSE(gpu.graph(0).has_edge(0, 1));
}

// The mean of an image far from zero, and lengths of keys, in other orders or in f32, round differently.
TEST(GpuAffinity, MeanAndLengthAreSumsInF64InIndexOrder) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{200, 20};
  std::mt19937 generator(11);
  std::vector<float> keys(4000);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = std::ldexp(1.0F + static_cast<float>(generator() % 1000) / 512.0F, static_cast<int>(generator() % 40)) *
              (generator() % 2 == 0 ? 1.0F : -1.0F);
  }
  // Copies of a key differ from each other by nothing: their affinity minus a threshold at 1 shows the last bit.
  for (std::size_t i = 0; i < 20; ++i)
    std::copy_n(keys.begin() + 100 * 20, 20, keys.begin() + static_cast<int>(i) * 20);
  const std::array<Image, 2> images{{{keys, {}}, {keys, random_mask(200, 12)}}};
  for (const float threshold : {0.0F, 1.0F, std::nextafter(1.0F, 0.0F), std::nextafter(1.0F, 2.0F)}) {
    expect_same_bits(shape, {.center = Center::image, .metric = Metric::cosine, .threshold = threshold}, images);
    expect_same_bits(shape, {.metric = Metric::cosine, .threshold = threshold}, images);
  }
}

// 4 + 2^-52 is 4 in f64, but 8 times 2^-52 are not lost: the length is 2 in index order and more in the other. 3 *
// 2^-149 over 2 is halfway between two f32, and over more than 2 it is not.
TEST(GpuAffinity, LengthIsSummedInIndexOrder) {
  DATUS_REQUIRE_GPU();
  std::vector<float> keys(20);
  keys[0] = 2.0F;
  std::fill_n(keys.begin() + 1, 8, 0x1p-26F);
  keys[9] = 0x3p-149F;
  keys[19] = 1.0F;
  const AffinityOptions options{.metric = Metric::cosine, .threshold = 0x1p-149F};
  const std::array<Image, 1> images{{{keys, {}}}};
  ASSERT_TRUE(build_bit_graph(keys, 2, 10, options).has_edge(0, 1));
  expect_same_bits({2, 10}, options, images);
}

TEST(GpuAffinity, SmallValuesSignedZerosAndExactZeros) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{70, 4};
  std::mt19937 generator(13);
  const std::array<float, 8> choices{0.0F,     -0.0F,     0x1p-149F, -0x1p-149F,  // denormals of f32
                                     0x1p-24F, -0x1p-24F, 0x1p-75F,  1.0F};       // of f16; products that vanish; 1
  std::array<Image, 4> images;
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i].keys.resize(280);
    for (float& value : images[i].keys) value = choices[generator() % choices.size()];
    if (i % 2 == 0) images[i].keys = as_halves(images[i].keys);
  }
  for (const float threshold : {0.0F, -0.0F, 0x1p-149F, -0x1p-149F, 0x1p-48F}) {
    for (const Metric metric : {Metric::dot, Metric::cosine}) {
      expect_same_bits(shape, {.metric = metric, .threshold = threshold}, images);
    }
  }
}

// The graph of such keys is of no use, but it is the same one.
TEST(GpuAffinity, ProductsThatAreNotFinite) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{130, 5};
  std::mt19937 generator(17);
  const std::array<float, 6> choices{
      1.0F, -1.0F, 3e38F, -3e38F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  std::array<Image, 3> images;
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i].keys.resize(650);
    for (float& value : images[i].keys) value = choices[generator() % (4 + i)];
    if (i == 2) images[i].keys = as_halves(images[i].keys);
  }
  for (const Center center : {Center::none, Center::image}) {
    for (const Metric metric : {Metric::dot, Metric::cosine}) {
      expect_same_bits(shape, {.center = center, .metric = metric}, images);
    }
  }
}

TEST(GpuAffinity, NoPatchOrOnePatchIsValid) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{66, 6};
  std::array<Image, 2> images{
      {{random_keys(shape, 1), std::vector<std::uint8_t>(66)}, {random_keys(shape, 2), std::vector<std::uint8_t>(66)}}};
  images[1].valid[65] = 1;
  expect_same_bits(shape, {.center = Center::image, .metric = Metric::cosine, .threshold = -1.0F}, images);
  expect_same_bits(shape, {}, images);
}

// Chunks of different sizes, graphs in use while the next but one is staged, f16 after f32 in the same place.
TEST(GpuAffinity, ManyChunksOneBehindTheOther) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{90, 12};
  const AffinityOptions options{.center = Center::image};
  const std::array<int, 7> sizes{3, 3, 1, 2, 3, 3, 1};
  std::vector<std::vector<Image>> chunks;
  unsigned seed = 0;
  for (const int size : sizes) {
    chunks.emplace_back();
    for (int i = 0; i < size; ++i) {
      ++seed;
      const std::vector<float> keys = random_keys(shape, seed);
      chunks.back().push_back({seed % 2 == 0 ? keys : as_halves(keys),
                               seed % 3 == 0 ? random_mask(shape.nodes, seed) : std::vector<std::uint8_t>{}});
    }
  }
  GpuAffinity first(0, shape.nodes, shape.dim, 3, options);
  GpuAffinity gpu(std::move(first));
  EXPECT_EQ(gpu.capacity(), 3);
  for (std::size_t c = 0; c < 2; ++c) {
    stage_all(gpu, chunks[c]);
    gpu.submit(sizes[c]);
  }
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    ASSERT_EQ(gpu.take(), sizes[c]);
    const bool more = c + 2 < chunks.size();
    if (more) stage_all(gpu, chunks[c + 2]);
    expect_graphs_of_the_cpu(gpu, shape, options, chunks[c]);
    if (more) gpu.submit(sizes[c + 2]);
  }
}

// Some images of a chunk come from the host, some lie on the card, in float16 and in float32, in any order.
TEST(GpuAffinity, TakesKeysThatLieOnTheGpu) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{90, 12};
  constexpr std::size_t values = 90 * 12;
  std::vector<Image> images;
  for (unsigned i = 0; i < 5; ++i) images.push_back({as_halves(random_keys(shape, i)), {}});
  images[1].valid = random_mask(shape.nodes, 3);
  images[4].keys = random_keys(shape, 9);
  cuda::use_gpu(0);
  const cuda::Stream stream;
  const GpuKeys halves(0, {.images = 3, .values = values, .halves = true});
  const GpuKeys floats(0, {.images = 1, .values = values, .halves = false});
  std::vector<half> stored(3 * values);
  for (std::size_t i = 0; i < 3; ++i) to_half(images[i].keys, std::span(stored).subspan(i * values, values));
  cuda::copy(halves.address(), reinterpret_cast<const std::byte*>(stored.data()), stored.size() * sizeof(half), stream);
  cuda::copy(floats.address(), reinterpret_cast<const std::byte*>(images[4].keys.data()), values * sizeof(float),
             stream);
  stream.wait();
  GpuAffinity gpu(0, shape.nodes, shape.dim, 5);
  // The same places held keys of the host before.
  stage_all(gpu, images);
  gpu.submit(5);
  gpu.take();
  for (const std::array<int, 5>& order : {std::array{0, 1, 2, 3, 4}, std::array{4, 2, 3, 1, 0}}) {
    for (int place = 0; place < 5; ++place) {
      const auto image = static_cast<std::size_t>(order.at(static_cast<std::size_t>(place)));
      if (image == 4) gpu.stage(place, floats, 0);
      if (image == 3) gpu.stage(place, images[3].keys);
      if (image < 3) gpu.stage(place, halves, image, images[image].valid);
    }
    gpu.submit(5);
    gpu.take();
    for (int place = 0; place < 5; ++place) {
      const Image& image = images[static_cast<std::size_t>(order.at(static_cast<std::size_t>(place)))];
      EXPECT_EQ(gpu.graph(place), build_bit_graph(image.keys, shape.nodes, shape.dim, {}, image.valid)) << place;
    }
  }
  EXPECT_THROW(gpu.stage(0, halves, 3), UsageError);
  EXPECT_THROW(gpu.stage(0, GpuKeys(0, {.images = 1, .values = values - 1, .halves = true}), 0), InputError);
  EXPECT_THROW(GpuKeys(0, {.images = 1'000'000, .values = 1'000'000, .halves = true}), DeviceMemoryError);
}

TEST(GpuAffinity, RefusesWhatDoesNotFit) {
  DATUS_REQUIRE_GPU();
  EXPECT_THROW(GpuAffinity(0, 4, 2, 1, {.quantile = 0.5}), UsageError);
  EXPECT_THROW(GpuAffinity(0, 4, 0, 1), UsageError);
  EXPECT_THROW(GpuAffinity(0, 4, 2, 0), UsageError);
  EXPECT_THROW(GpuAffinity(0, 0, 2, 1), InputError);
  EXPECT_THROW(GpuAffinity(0, max_nodes + 1, 2, 1), InputError);
  EXPECT_THROW(GpuAffinity(99, 4, 2, 1), SystemError);
  GpuAffinity gpu(0, 4, 2, 2);
  const std::vector<float> keys(8, 1.0F);
  const std::vector<std::uint8_t> valid(3, 1);
  EXPECT_THROW(gpu.stage(0, std::span(keys).first(7)), InputError);
  EXPECT_THROW(gpu.stage(0, keys, valid), InputError);
  EXPECT_THROW(gpu.stage(2, keys), UsageError);
  EXPECT_THROW(gpu.stage(-1, keys), UsageError);
  EXPECT_THROW(gpu.submit(3), UsageError);
  EXPECT_THROW(gpu.submit(0), UsageError);
  EXPECT_THROW(gpu.take(), UsageError);
  EXPECT_THROW(static_cast<void>(gpu.graph(0)), UsageError);
  for (int chunk = 0; chunk < GpuAffinity::depth; ++chunk) {
    gpu.stage(0, keys);
    gpu.submit(1);
  }
  EXPECT_THROW(gpu.stage(0, keys), UsageError);
  EXPECT_THROW(gpu.submit(1), UsageError);
  EXPECT_EQ(gpu.take(), 1);
  EXPECT_EQ(gpu.graph(0).total(), 16);
  EXPECT_THROW(static_cast<void>(gpu.graph(1)), UsageError);
}

TEST(GpuAffinity, TooMuchForTheMemoryIsAnErrorOfItsOwn) {
  DATUS_REQUIRE_GPU();
  EXPECT_THROW(GpuAffinity(0, max_nodes, 100'000, GpuAffinity::max_capacity), DeviceMemoryError);
  // What was allocated before is free again.
  GpuAffinity gpu(0, 1, 1, 1);
  gpu.stage(0, std::vector<float>{2.0F});
  gpu.submit(1);
  EXPECT_EQ(gpu.take(), 1);
  EXPECT_TRUE(gpu.graph(0).has_edge(0, 0));
}

}  // namespace
}  // namespace datus
