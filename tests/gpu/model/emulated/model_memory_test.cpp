// SPDX-License-Identifier: Apache-2.0
#include "datus/core/gpu.hpp"
#include "datus/model/vision_transformer.hpp"
#include "gpu/model/small_model.hpp"

#include <cstdint>
#include <span>
#include <vector>

#include <cuda_runtime.h>
#include <gtest/gtest.h>

// A card whose memory is nearly full, which only the emulation can play.

namespace datus::test {
namespace {

class ModelMemory : public testing::Test {
 protected:
  ~ModelMemory() override { cuda_emulation::machine().memory = before_; }

  const VisionTransformer model_ = model_on_gpu();
  const std::vector<Image> images_ = random_images(4, 64, 64);
  const std::vector<const Image*> inputs_ = pointers(images_);
  const Halves halves_{std::span(inputs_).first(1)};

 private:
  std::size_t before_ = cuda_emulation::machine().memory;
};

TEST_F(ModelMemory, WhatLibTorchHasToSpareIsGivenBackToWhoNeedsIt) {
  const auto expected = model_.crop_vectors(halves_.crops(), scaling, {2, {}});
  const VisionTransformer fresh = model_on_gpu();
  (void)fresh.forward(inputs_, scaling, {.feature = PatchFeature::key}, {4, {}});
  // Not enough for the images of the crops, but for what LibTorch keeps.
  cuda_emulation::machine().memory = cuda_emulation::memory_in_use() + 4096;
  EXPECT_EQ(fresh.crop_vectors(halves_.crops(), scaling, {2, {}}), expected);
}

TEST_F(ModelMemory, IsEnoughForTheNextBatchAfterOneThatWasTooLarge) {
  const VisionTransformer::Request request{.feature = PatchFeature::key};
  const auto expected = model_.forward(inputs_, scaling, request, {1, {}}).embeddings;
  cuda_emulation::machine().memory = cuda_emulation::memory_in_use() + 200'000;
  EXPECT_THROW((void)model_.forward(inputs_, scaling, request, {1000, {}}), DeviceMemoryError);
  EXPECT_EQ(model_.forward(inputs_, scaling, request, {1, {}}).embeddings, expected);
}

TEST_F(ModelMemory, GoesBackWithTheModel) {
  {
    const VisionTransformer other = model_on_gpu(false, 3);
    (void)other.forward(inputs_, scaling, {.feature = PatchFeature::key}, {4, {}});
    EXPECT_TRUE(cuda_emulation::contexts_of_thread().contains(3));
  }
  const std::size_t of_model = cuda_emulation::memory_in_use();
  {
    const VisionTransformer other = model_on_gpu(false, 3);
    (void)other.forward(inputs_, scaling, {.feature = PatchFeature::key}, {4, {}});
    EXPECT_GT(cuda_emulation::memory_in_use(), of_model);
  }
  EXPECT_LE(cuda_emulation::memory_in_use(), of_model);
}

}  // namespace
}  // namespace datus::test
