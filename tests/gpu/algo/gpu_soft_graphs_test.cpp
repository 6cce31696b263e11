// SPDX-License-Identifier: Apache-2.0
#include "affinity_images.hpp"
#include "datus/algo/gpu_affinity.hpp"
#include "datus/core/error.hpp"
#include "support/errors.hpp"
#include "support/gpu_required.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// Graphs with soft weights, and the mean of a data set, which is subtracted before: against those of the CPU, whose
// weights the unit tests compare with the exponential function.

namespace datus {
namespace {

using namespace affinity_images;
using Center = AffinityOptions::Center;
using Metric = AffinityOptions::Metric;

AffinityOptions soft(double temperature, Center center = Center::none) {
  return {.center = center, .metric = Metric::cosine, .temperature = temperature};
}

std::vector<float> minus(std::vector<float> keys, std::span<const float> mean) {
  for (std::size_t i = 0; i < keys.size() && !mean.empty(); ++i) keys[i] -= mean[i % mean.size()];
  return keys;
}

WeightedGraph graph_of_the_cpu(const Image& image, Shape shape, const AffinityOptions& options,
                               std::span<const float> mean) {
  return build_weighted_graph(minus(image.keys, mean), shape.nodes, shape.dim, options, image.valid);
}

void expect_same_weights(Shape shape, const AffinityOptions& options, std::span<const Image> images,
                         std::span<const float> mean = {}) {
  GpuAffinity gpu(0, shape.nodes, shape.dim, static_cast<int>(images.size()), options);
  gpu.subtract(mean);
  stage_all(gpu, images);
  gpu.submit(static_cast<int>(images.size()));
  ASSERT_EQ(gpu.take(), std::ssize(images));
  for (std::size_t i = 0; i < images.size(); ++i) {
    EXPECT_EQ(gpu.weighted_graph(static_cast<int>(i)), graph_of_the_cpu(images[i], shape, options, mean))
        << "image " << i << ", " << shape.nodes << " patches, " << shape.dim << " dimensions";
  }
}

// Sizes around the borders of rows of 16 bytes (8), words (64), panels (128) and slices of d (16).
TEST(GpuSoftGraphs, EverySizeHasTheWeightsOfTheCpu) {
  DATUS_REQUIRE_GPU();
  unsigned seed = 0;
  for (const int nodes : {1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 196, 300, 513}) {
    for (const int dim : {1, 3, 16, 33}) {
      if (nodes > 129 && dim != 33) continue;  // many panels are slow to emulate
      const Shape shape{nodes, dim};
      const std::vector<float> keys = grouped_keys(shape, ++seed);
      const std::vector<std::uint8_t> valid = random_mask(nodes, seed);
      const std::array<Image, 4> images{{{keys, {}}, {keys, valid}, {as_halves(keys), {}}, {as_halves(keys), valid}}};
      expect_same_weights(shape, soft(0.3), images);
    }
  }
}

// At 0.05 most weights are 0, at 4 none; with each centre, and with both means.
TEST(GpuSoftGraphs, TemperaturesCentersAndTheMeanOfADataSet) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{141, 37};
  unsigned seed = 100;
  for (const double temperature : {0.01, 0.05, 0.1, 4.0}) {
    for (const Center center : {Center::none, Center::image}) {
      ++seed;
      const std::vector<float> keys = grouped_keys(shape, seed);
      const std::array<Image, 3> images{{{keys, {}}, {keys, random_mask(141, seed)}, {as_halves(keys), {}}}};
      expect_same_weights(shape, soft(temperature, center), images);
      expect_same_weights(shape, soft(temperature, center), images, random_keys({1, 37}, seed, 2.0F));
    }
  }
}

// Graphs of signs take the mean of a data set too.
TEST(GpuSoftGraphs, TheMeanIsSubtractedFromKeysOfSignGraphsToo) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{70, 21};
  const std::vector<float> keys = random_keys(shape, 5, 3.0F);
  const std::vector<float> mean = random_keys({1, 21}, 6, 3.0F);
  const std::array<Image, 2> images{{{keys, {}}, {as_halves(keys), random_mask(70, 7)}}};
  for (const Center center : {Center::none, Center::image}) {
    const AffinityOptions options{.center = center};
    GpuAffinity gpu(0, shape.nodes, shape.dim, 2, options);
    gpu.subtract(mean);
    stage_all(gpu, images);
    gpu.submit(2);
    gpu.take();
    for (int i = 0; i < 2; ++i) {
      const Image& image = images.at(static_cast<std::size_t>(i));
      EXPECT_EQ(gpu.graph(i), build_bit_graph(minus(image.keys, mean), 70, 21, options, image.valid)) << i;
    }
  }
}

TEST(GpuSoftGraphs, EqualKeysNoDirectionAndNoPatch) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{66, 6};
  const std::vector<float> equal(66 * 6, 0.3F);
  const std::vector<std::uint8_t> none(66);
  std::vector<std::uint8_t> one(66);
  one[65] = 1;
  const std::array<Image, 5> images{{{equal, {}},
                                     {std::vector<float>(66 * 6), {}},
                                     {random_keys(shape, 1), none},
                                     {random_keys(shape, 2), one},
                                     {std::vector<float>(66 * 6, -0.0F), random_mask(66, 3)}}};
  expect_same_weights(shape, soft(0.05), images);
  // Nothing is left of equal keys, and nothing of a mean of which all keys are copies.
  expect_same_weights(shape, soft(0.05, Center::image), images);
  expect_same_weights(shape, soft(0.05), images, std::vector<float>(6, 0.3F));
  GpuAffinity gpu(0, 66, 6, 1, soft(0.05));
  gpu.stage(0, equal);
  gpu.submit(1);
  gpu.take();
  const WeightedGraph graph = gpu.weighted_graph(0);
  for (const std::uint16_t weight : graph.row(17)) EXPECT_EQ(weight, 65535);
}

// A cosine that rounding makes larger than 1 has no larger weight for it, which so cold would be 65536.
TEST(GpuSoftGraphs, CopiesWhoseCosineIsMoreThan1) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{80, 50};
  std::vector<float> keys = random_keys(shape, 21);
  std::copy_n(keys.begin(), 40 * 50, keys.begin() + 40 * 50);
  const std::array<Image, 1> images{{{keys, {}}}};
  expect_same_weights(shape, soft(0.005), images);
  EXPECT_EQ(graph_of_the_cpu(images[0], shape, soft(0.005), {}).weight(3, 43), 65535);
}

// Denormals, and keys whose squares neither f32 nor f16 can hold.
TEST(GpuSoftGraphs, SmallAndLargeValues) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{70, 4};
  std::mt19937 generator(13);
  const std::array<float, 8> choices{0.0F, -0.0F, 0x1p-149F, -0x1p-149F, 0x1p-24F, -0x1p-75F, 3e38F, -1.0F};
  std::array<Image, 3> images;
  for (Image& image : images) {
    image.keys.resize(280);
    for (float& value : image.keys) value = choices[generator() % choices.size()];
  }
  for (const double temperature : {0.05, 1.0}) expect_same_weights(shape, soft(temperature), images);
}

// The image is refused, with the words that the CPU has for it, and no other one.
TEST(GpuSoftGraphs, KeysThatAreNotFiniteAreRefused) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{200, 5};
  const auto text_of = [](const auto& action) {
    try {
      (void)action();
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  std::array<Image, 4> images;
  for (Image& image : images) image.keys = random_keys(shape, 3);
  images[1].keys[150 * 5 + 2] = std::numeric_limits<float>::quiet_NaN();
  images[2].keys[140 * 5] = std::numeric_limits<float>::infinity();
  images[2].valid.assign(200, 1);
  images[2].valid[0] = 0;
  images[3].keys[7] = std::numeric_limits<float>::quiet_NaN();  // of padding: nobody looks at it
  images[3].valid.assign(200, 1);
  images[3].valid[1] = 0;
  const AffinityOptions options = soft(0.1);
  GpuAffinity gpu(0, shape.nodes, shape.dim, 4, options);
  stage_all(gpu, images);
  gpu.submit(4);
  gpu.take();
  for (const int i : {0, 3}) {
    EXPECT_EQ(gpu.weighted_graph(i), graph_of_the_cpu(images.at(static_cast<std::size_t>(i)), shape, options, {})) << i;
  }
  for (const int i : {1, 2}) {
    const auto& image = images.at(static_cast<std::size_t>(i));
    const std::string expected = text_of([&] { return graph_of_the_cpu(image, shape, options, {}); });
    EXPECT_NE(expected.find(i == 1 ? "patches 0 and 150 is not finite" : "patches 1 and 140 is not finite"),
              std::string::npos)
        << expected;
    EXPECT_EQ(text_of([&] { return gpu.weighted_graph(i); }), expected);
  }
  // The next chunk knows nothing of it.
  stage_all(gpu, std::span(images).first(1));
  gpu.submit(1);
  gpu.take();
  EXPECT_EQ(gpu.weighted_graph(0), graph_of_the_cpu(images[0], shape, options, {}));
}

// Two chunks are under way, in places of their own; then another mean, then none.
TEST(GpuSoftGraphs, ManyChunksOneBehindTheOther) {
  DATUS_REQUIRE_GPU();
  constexpr Shape shape{90, 12};
  const AffinityOptions options = soft(0.2);
  GpuAffinity gpu(0, shape.nodes, shape.dim, 2, options);
  unsigned seed = 0;
  for (const std::vector<float>& mean : {random_keys({1, 12}, 1), random_keys({1, 12}, 2), std::vector<float>()}) {
    gpu.subtract(mean);
    std::vector<std::array<Image, 2>> chunks(4);
    for (auto& chunk : chunks) {
      for (Image& image : chunk) image.keys = grouped_keys(shape, ++seed);
    }
    for (std::size_t c = 0; c < 2; ++c) {
      stage_all(gpu, chunks[c]);
      gpu.submit(2);
    }
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      ASSERT_EQ(gpu.take(), 2);
      for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(gpu.weighted_graph(i),
                  graph_of_the_cpu(chunks[c].at(static_cast<std::size_t>(i)), shape, options, mean));
      }
      if (c + 2 >= chunks.size()) continue;
      stage_all(gpu, chunks[c + 2]);
      gpu.submit(2);
    }
  }
}

TEST(GpuSoftGraphs, RefusesWhatDoesNotFit) {
  DATUS_REQUIRE_GPU();
  EXPECT_THROW(GpuAffinity(0, 4, 2, 1, {.temperature = 0.1}), UsageError);
  EXPECT_THROW(GpuAffinity(0, 4, 2, 1, soft(0.0)), UsageError);
  EXPECT_THROW(GpuAffinity(0, 4, 2, 1, soft(-1.0)), UsageError);
  GpuAffinity gpu(0, 4, 2, 1, soft(0.1));
  const std::vector<float> three(3);
  EXPECT_THROW(gpu.subtract(three), UsageError);
  const std::vector<float> mean(2, 1.0F);
  gpu.subtract(mean);
  gpu.stage(0, random_keys({4, 2}, 1));
  gpu.submit(1);
  gpu.subtract(mean);
  EXPECT_THROW(gpu.subtract({}), UsageError);
  gpu.take();
  EXPECT_THROW((void)gpu.graph(0), UsageError);
  EXPECT_THROW((void)gpu.weighted_graph(1), UsageError);
  GpuAffinity signs(0, 4, 2, 1);
  signs.stage(0, random_keys({4, 2}, 1));
  signs.submit(1);
  signs.take();
  EXPECT_THROW((void)signs.weighted_graph(0), UsageError);
}

}  // namespace
}  // namespace datus
