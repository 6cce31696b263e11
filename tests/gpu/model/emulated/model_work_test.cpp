// SPDX-License-Identifier: Apache-2.0
#include "counters.hpp"
#include "datus/model/gpu_values.hpp"
#include "datus/model/vision_transformer.hpp"
#include "support/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

// What a batch asks of a card beside LibTorch's own kernels, counted: a copy or a kernel more is to be seen here.

namespace datus::test {
namespace {

constexpr PixelScaling scaling{{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}, false};

VisionTransformer model_on_gpu() {
  ViTOptions options;
  options.gpu = 0;
  options.precision = Precision::float32;
  return VisionTransformer::load(data_path("golden/vit/dino_p8_head64.safetensors"), options);
}

TEST(ModelWork, OfABatchOfImages) {
  const auto model = model_on_gpu();
  const std::vector<Image> images(5, Image(64, 64));
  std::vector<const Image*> inputs;
  for (const Image& image : images) inputs.push_back(&image);
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
  // The table of pixels once; the images of a batch at once, as bytes.
  EXPECT_EQ(counted.copies_up, 1 + batches);
  EXPECT_EQ(counted.bytes_up, 3U * 256 * 4 + 5U * 64 * 64 * 3);
  // Embeddings at once, also of the place in the last batch that is empty.
  EXPECT_EQ(counted.copies_down, batches);
  const auto dim = static_cast<std::size_t>(model.architecture().dim);
  EXPECT_EQ(counted.bytes_down, static_cast<std::size_t>(batches) * 2 * 64 * dim * 4);
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
