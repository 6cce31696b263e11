// SPDX-License-Identifier: Apache-2.0
#include "counters.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "datus/core/half.hpp"
#include "datus/model/gpu_values.hpp"
#include "datus/model/vision_transformer.hpp"
#include "gpu/model/small_model.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <future>
#include <span>
#include <vector>

#include <gtest/gtest.h>

// What a batch asks of a card beside LibTorch's own kernels, counted: a copy or a kernel more is to be seen here.

namespace datus::test {
namespace {

TEST(ModelWork, OfABatchOfImages) {
  const auto model = model_on_gpu();
  const std::vector<Image> images(5, Image(64, 64));
  const auto inputs = pointers(images);
  // Of the keys before the last block: all of it but that is run.
  const VisionTransformer::Request request{.feature = PatchFeature::key};
  (void)model.forward(inputs, scaling, request, {2, {}});
  cuda_emulation::forget_counters();
  (void)model.forward(inputs, scaling, request, {2, {}});
  const auto counted = cuda_emulation::counters();

  constexpr std::int64_t batches = 3;
  const std::int64_t blocks = model.architecture().depth - 1;
  // Patches; the first norm; in each block two additions with a norm, and GELU.
  EXPECT_EQ(counted.launches, batches * (2 + 3 * blocks));
  // The images of a batch at once, as bytes; the table of pixels is there.
  EXPECT_EQ(counted.copies_up, batches);
  EXPECT_EQ(counted.bytes_up, 5U * 64 * 64 * 3);
  // Embeddings at once, also of the place in the last batch that is empty.
  EXPECT_EQ(counted.copies_down, batches);
  const auto dim = static_cast<std::size_t>(model.architecture().dim);
  EXPECT_EQ(counted.bytes_down, static_cast<std::size_t>(batches) * 2 * 64 * dim * 4);
}

/// Values of a card.
template <class T>
std::vector<T> from_gpu(const std::byte* address, std::size_t count) {
  std::vector<T> values(count);
  const cuda::Stream stream;
  cuda::copy(reinterpret_cast<std::byte*>(values.data()), address, count * sizeof(T), stream);
  stream.wait();
  return values;
}

// Embeddings that stay on the card are those that come down, which come as before; the empty places of the last batch
// stay out.
TEST(ModelWork, EmbeddingsStayOnTheCard) {
  const auto model = model_on_gpu();
  const auto images = random_images(5, 64, 64);
  const auto inputs = pointers(images);
  const std::size_t values = 5U * 64 * static_cast<std::size_t>(model.architecture().dim);
  cuda::use_gpu(0);
  const cuda::DeviceArray<std::byte> room(values * sizeof(float));
  auto* const kept = const_cast<std::byte*>(room.data());
  VisionTransformer::Request request{.feature = PatchFeature::key};
  (void)model.forward(inputs, scaling, request, {2, {}});
  cuda_emulation::forget_counters();
  const auto expected = model.forward(inputs, scaling, request, {2, {}});
  const auto plain = cuda_emulation::counters();
  request.kept_on_gpu = kept;
  cuda_emulation::forget_counters();
  const auto found = model.forward(inputs, scaling, request, {2, {}});
  const auto counted = cuda_emulation::counters();
  EXPECT_EQ(found.embeddings, expected.embeddings);
  EXPECT_EQ(from_gpu<float>(kept, values), expected.embeddings);
  EXPECT_EQ(counted.bytes_up, plain.bytes_up);
  EXPECT_EQ(counted.bytes_down, plain.bytes_down);
  EXPECT_EQ(counted.copies_down, plain.copies_down);

  request.halves = true;
  const auto halves = model.forward(inputs, scaling, request, {2, {}}).halves;
  EXPECT_TRUE(std::ranges::equal(from_gpu<half>(kept, values), halves));
}

TEST(ModelWork, OfABatchOfCrops) {
  const auto model = model_on_gpu();
  const auto images = random_images(3, 64, 64);
  const auto inputs = pointers(images);
  const Halves halves(inputs);
  (void)model.crop_vectors(halves.crops(), scaling, {4, {}});
  cuda_emulation::forget_counters();
  (void)model.crop_vectors(halves.crops(), scaling, {4, {}});
  const auto counted = cuda_emulation::counters();

  constexpr std::int64_t batches = 2;
  const std::int64_t blocks = model.architecture().depth - 1;
  // Both passes of the crops, patches, the first norm; in each block two additions with a norm, and GELU; of the last
  // one the same for CLS alone.
  EXPECT_EQ(counted.launches, batches * (4 + 3 * (blocks + 1)));
  // Images and maps once; the crops of a batch and the numbers of their windows.
  EXPECT_EQ(counted.copies_up, 2 + 2 * batches);
  EXPECT_EQ(counted.copies_down, batches);
  EXPECT_EQ(counted.bytes_down, batches * 4 * static_cast<std::size_t>(model.architecture().image_vector_dim) * 4);
  EXPECT_EQ(counted.drains, 1);
}

/// As the shards of a line follow each other: images of one, crops of the one before, results after both.
TEST(ModelWork, CallsFollowEachOtherWithoutADrain) {
  const auto model = model_on_gpu();
  const auto images = random_images(12, 64, 64);
  const auto inputs = pointers(images);
  const VisionTransformer::Request request{.feature = PatchFeature::key, .cls = true, .halves = true};
  const VisionTransformer::Batching batching{2, {}};
  const auto part = [&](std::size_t call) { return std::span(inputs).subspan(3 * call, 3); };
  std::vector<VisionTransformer::Features> expected;
  std::vector<std::vector<float>> expected_crops;
  for (std::size_t call = 0; call < 4; ++call) {
    expected.push_back(model.forward(part(call), scaling, request, batching));
    expected_crops.push_back(model.crop_vectors(Halves(part(call)).crops(), scaling, batching));
  }

  cuda_emulation::forget_counters();
  std::vector<std::future<VisionTransformer::Features>> features;
  std::vector<std::future<std::vector<float>>> crops;
  for (std::size_t call = 0; call < 4; ++call) {
    features.push_back(model.begin_forward(part(call), scaling, request, batching));
    if (call == 0) continue;
    crops.push_back(model.begin_crop_vectors(Halves(part(call - 1)).crops(), scaling, batching));
    const auto found = features[call - 1].get();
    EXPECT_EQ(found.halves, expected[call - 1].halves);
    EXPECT_EQ(found.cls, expected[call - 1].cls);
    if (call > 1) {
      EXPECT_EQ(crops[call - 2].get(), expected_crops[call - 2]);
    }
    EXPECT_EQ(cuda_emulation::counters().drains, 0) << call;
  }
  EXPECT_EQ(crops.back().get(), expected_crops[2]);
  EXPECT_EQ(features.back().get().halves, expected[3].halves);
  EXPECT_EQ(cuda_emulation::counters().drains, 1);
}

TEST(ModelWork, ACallThatIsGivenUpLeavesTheOnesBeforeItWhole) {
  const auto model = model_on_gpu();
  const auto images = random_images(8, 64, 64);
  const auto inputs = pointers(images);
  const VisionTransformer::Request request{.feature = PatchFeature::key};
  const auto first = std::span(inputs).first(3);
  const auto expected = model.forward(first, scaling, request, {2, {}}).embeddings;
  auto before = model.begin_forward(first, scaling, request, {2, {}});
  const auto give_up = [](std::size_t done) {
    if (done > 0) throw UsageError("enough", "the test says so", "Nothing.");
  };
  EXPECT_THROW((void)model.begin_forward(inputs, scaling, request, {2, give_up}), UsageError);
  // Nobody asks for these.
  (void)model.begin_forward(inputs, scaling, request, {2, {}});
  EXPECT_EQ(before.get().embeddings, expected);
  EXPECT_EQ(model.forward(first, scaling, request, {2, {}}).embeddings, expected);
}

TEST(ModelWork, HalvesAreTheFloatsRounded) {
  const auto model = model_on_gpu();
  const auto images = random_images(3, 64, 64);
  const auto inputs = pointers(images);
  const auto floats = model.forward(inputs, scaling, {}, {2, {}});
  const auto found = model.forward(inputs, scaling, {.halves = true}, {2, {}});
  EXPECT_TRUE(found.embeddings.empty());
  ASSERT_EQ(found.halves.size(), floats.embeddings.size());
  for (std::size_t i = 0; i < found.halves.size(); ++i) ASSERT_EQ(found.halves[i], to_half(floats.embeddings[i])) << i;
}

TEST(ModelWork, TakesNoMoreMemoryThanIsPlanned) {
  const auto model = model_on_gpu();
  constexpr std::size_t batch = 8;
  const Image image(64, 64);
  const std::vector<const Image*> inputs(batch, &image);
  cuda_emulation::forget_counters();
  const std::size_t before = cuda_emulation::counters().peak_memory;
  (void)model.forward(inputs, scaling, {.feature = PatchFeature::key}, {batch, {}});
  const std::size_t taken = cuda_emulation::counters().peak_memory - before;
  const auto values = static_cast<std::size_t>(activation_values(model.architecture(), 64, false));
  EXPECT_GE(batch * 4 * values, taken);
  // Attention on the CPU needs no copy of its result.
  EXPECT_LE(batch * 4 * values, 2 * taken);
}

}  // namespace
}  // namespace datus::test
