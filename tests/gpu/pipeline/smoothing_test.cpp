// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/smoothing.hpp"

#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "pipeline/stages/embeddings_by_image.hpp"
#include "pipeline/stages/smoothing_gpu.hpp"
#include "support/gpu_required.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace {

constexpr double temperature = 0.2;

KeysFile make_keys(int images, GridSize grid, int dim, bool padded, KeyType type) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal(0.2F, 1.0F);
  KeysFile file;
  file.grid = grid;
  file.patch = 8;
  file.dim = dim;
  std::vector<float> values(static_cast<std::size_t>(images * grid.patches() * dim));
  for (float& value : values) value = normal(generator);
  if (padded) {
    file.valid.resize(static_cast<std::size_t>(images * grid.patches()));
    for (std::uint8_t& flag : file.valid) flag = generator() % 4 != 0 ? 1 : 0;
  }
  file.keys = KeyValues(values, type);
  return file;
}

/// Of each image, each of which comes once.
std::vector<std::vector<float>> compared(const KeysFile& keys, const SmoothingPlace& place) {
  std::vector<std::vector<float>> all(static_cast<std::size_t>(keys.size()));
  for_each_compared(keys, temperature, place, [&](std::size_t image, std::span<const float> embeddings) {
    EXPECT_TRUE(all[image].empty()) << image;
    all[image].assign(embeddings.begin(), embeddings.end());
  });
  return all;
}

std::vector<std::vector<float>> of_the_cpu(const KeysFile& keys) {
  std::vector<std::vector<float>> all;
  for (std::size_t image = 0; image < static_cast<std::size_t>(keys.size()); ++image) {
    std::vector<float> room;
    all.push_back(
        smooth_embeddings(keys.keys_of(image, room), keys.grid.patches(), keys.dim, temperature, keys.valid_of(image)));
  }
  return all;
}

// Chunks have 8 images: none, one, some, whole ones and a rest.
TEST(SmoothingOnGpu, AnyNumberOfImagesAndThreadsGivesTheEmbeddingsOfTheCpu) {
  DATUS_REQUIRE_GPU();
  SmoothingGpu gpu(0);
  for (const auto& [padded, type] : {std::pair(false, KeyType::float16), {true, KeyType::float32}}) {
    for (const int images : {0, 1, 8, 9, 16, 27}) {
      const KeysFile keys = make_keys(images, {7, 5}, 10, padded, type);
      const auto expected = of_the_cpu(keys);
      for (const int threads : {1, 3}) {
        EXPECT_EQ(compared(keys, {threads, &gpu}), expected) << images << ' ' << threads;
        EXPECT_EQ(compared(keys, {threads}), expected) << images << ' ' << threads;
      }
    }
  }
}

TEST(SmoothingOnGpu, TakesEmbeddingsThatLieThere) {
  DATUS_REQUIRE_GPU();
  SmoothingGpu gpu(0);
  const KeysFile keys = make_keys(11, {6, 4}, 9, false, KeyType::float16);
  const std::size_t values = keys.values_per_image();
  // Room for a larger shard.
  const GpuKeys on_gpu(0, {.images = 13, .values = values, .halves = true});
  const cuda::Stream stream;
  keys.keys.visit([&](const auto& all) {
    const auto bytes = std::as_bytes(std::span(all));
    cuda::copy(on_gpu.address(), bytes.data(), bytes.size(), stream);
  });
  stream.wait();
  KeysFile others = keys;  // so that it shows which are taken
  others.keys = KeyValues(std::vector<float>(keys.keys.size(), 1.0F));
  EXPECT_EQ(compared(others, {2, &gpu, &on_gpu}), of_the_cpu(keys));
}

// Memory stays where the shape does, and is made anew where it does not.
TEST(SmoothingOnGpu, ShapesMayChangeAndErrorsMayCome) {
  DATUS_REQUIRE_GPU();
  SmoothingGpu gpu(0);
  for (const GridSize grid : {GridSize{4, 4}, GridSize{4, 4}, GridSize{12, 13}, GridSize{1, 1}}) {
    const KeysFile keys = make_keys(20, grid, 6, false, KeyType::float16);
    EXPECT_THROW(for_each_compared(keys, temperature, {2, &gpu},
                                   [](std::size_t image, auto) {
                                     if (image == 9) throw UsageError("Enough", "", "");
                                   }),
                 UsageError);
    EXPECT_EQ(compared(keys, {2, &gpu}), of_the_cpu(keys));
  }
}

// Others have taken it: the processor does it, and that is said once.
TEST(SmoothingOnGpu, WithoutMemoryItIsDoneByTheProcessor) {
  DATUS_REQUIRE_GPU();
  const KeysFile keys = make_keys(9, {9, 9}, 12, true, KeyType::float16);
  const auto expected = of_the_cpu(keys);
  SmoothingGpu gpu(0);
  std::size_t free = 0;
  std::size_t total = 0;
  cuda::check(cudaMemGetInfo(&free, &total), "to say how much memory it has");
  constexpr std::size_t left = 4096;
  std::optional<cuda::DeviceArray<std::byte>> taken(free - left);
  testing::internal::CaptureStderr();
  for (int time = 0; time < 2; ++time) EXPECT_EQ(compared(keys, {2, &gpu}), expected);
  const std::string said = testing::internal::GetCapturedStderr();
  const auto found = said.find("smoothed on the processor");
  EXPECT_NE(found, std::string::npos) << said;
  EXPECT_EQ(said.find("smoothed on the processor", found + 1), std::string::npos) << said;
  taken.reset();
  EXPECT_EQ(compared(keys, {2, &gpu}), expected);
}

TEST(SmoothingOnGpu, AGpuThatIsNotThereIsAnError) {
  DATUS_REQUIRE_GPU();
  SmoothingGpu gpu(99);
  EXPECT_THROW((void)compared(make_keys(2, {3, 3}, 4, false, KeyType::float16), {1, &gpu}), SystemError);
}

}  // namespace
}  // namespace datus
