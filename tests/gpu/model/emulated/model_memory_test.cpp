// SPDX-License-Identifier: Apache-2.0
#include "datus/core/gpu.hpp"
#include "datus/model/vision_transformer.hpp"
#include "support/golden.hpp"

#include <cstdint>
#include <vector>

#include <cuda_runtime.h>
#include <gtest/gtest.h>

// A card whose memory is nearly full, which only the emulation can play.

namespace datus::test {
namespace {

constexpr PixelScaling scaling{{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}, false};

VisionTransformer model_on(int gpu) {
  ViTOptions options;
  options.gpu = gpu;
  return VisionTransformer::load(data_path("golden/vit/dino_p8_head64.safetensors"), options);
}

class ModelMemory : public testing::Test {
 protected:
  ModelMemory() {
    Image image(64, 64);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
    images_.assign(4, image);
    for (const Image& one : images_) inputs_.push_back(&one);
    maps_.assign(4 * 64, 0);
  }
  ~ModelMemory() override { cuda_emulation::machine().memory = before_; }

  [[nodiscard]] SegmentCrops crops() const {
    return {.images = inputs_,
            .segment_maps = maps_,
            .grid = {8, 8},
            .patch = 8,
            .places = places_,
            .crop_resize = 40,
            .crop_size = 32};
  }

  VisionTransformer model_ = model_on(0);
  std::vector<Image> images_;
  std::vector<const Image*> inputs_;
  std::vector<std::int16_t> maps_;
  std::vector<CropPlace> places_{{0, 0, {0, 0, 8, 8}}, {3, 0, {0, 0, 8, 8}}};

 private:
  std::size_t before_ = cuda_emulation::machine().memory;
};

TEST_F(ModelMemory, WhatLibTorchHasToSpareIsGivenBackToWhoNeedsIt) {
  const auto expected = model_.crop_vectors(crops(), scaling, {2, {}});
  const VisionTransformer fresh = model_on(0);
  (void)fresh.forward(inputs_, scaling, {.feature = PatchFeature::key}, {4, {}});
  // Not enough for the images of the crops, but for what LibTorch keeps.
  cuda_emulation::machine().memory = cuda_emulation::memory_in_use() + 4096;
  EXPECT_EQ(fresh.crop_vectors(crops(), scaling, {2, {}}), expected);
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
    const VisionTransformer other = model_on(3);
    (void)other.forward(inputs_, scaling, {.feature = PatchFeature::key}, {4, {}});
    EXPECT_TRUE(cuda_emulation::contexts_of_thread().contains(3));
  }
  const std::size_t of_model = cuda_emulation::memory_in_use();
  {
    const VisionTransformer other = model_on(3);
    (void)other.forward(inputs_, scaling, {.feature = PatchFeature::key}, {4, {}});
    EXPECT_GT(cuda_emulation::memory_in_use(), of_model);
  }
  EXPECT_LE(cuda_emulation::memory_in_use(), of_model);
}

}  // namespace
}  // namespace datus::test
