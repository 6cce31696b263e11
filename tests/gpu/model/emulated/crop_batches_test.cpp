// SPDX-License-Identifier: Apache-2.0
#include "counters.hpp"
#include "datus/model/vision_transformer.hpp"
#include "support/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

// How many batches the crops of a shard take, counted by the copies of their vectors to the host.

namespace datus::test {
namespace {

constexpr PixelScaling scaling{{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}, false};
constexpr std::int64_t batch_size = 4;

VisionTransformer model_on_gpu() {
  ViTOptions options;
  options.gpu = 0;
  options.precision = Precision::float32;
  return VisionTransformer::load(data_path("golden/vit/dino_p8_head64.safetensors"), options);
}

/// Batches of a call with so many crops of each image.
std::int64_t batches_of(const VisionTransformer& model, const std::vector<int>& crops) {
  const Image image(64, 64);
  const std::vector<const Image*> inputs(crops.size(), &image);
  const std::vector<std::int16_t> maps(crops.size() * 64, 0);
  std::vector<CropPlace> places;
  for (std::size_t i = 0; i < crops.size(); ++i) {
    for (int c = 0; c < crops[i]; ++c) places.push_back({static_cast<int>(i), 0, {0, 0, 8, 8}});
  }
  cuda_emulation::forget_counters();
  (void)model.crop_vectors({.images = inputs,
                            .segment_maps = maps,
                            .grid = {8, 8},
                            .patch = 8,
                            .places = places,
                            .crop_resize = 40,
                            .crop_size = 32},
                           scaling, {batch_size, {}});
  return cuda_emulation::counters().copies_down;
}

TEST(CropBatches, AreFilledAcrossTheImagesOfAShard) {
  const auto model = model_on_gpu();
  EXPECT_EQ(batches_of(model, {1, 1, 1, 1}), 1);
  EXPECT_EQ(batches_of(model, {3, 1, 2, 5, 1}), 3);
  EXPECT_EQ(batches_of(model, {0, 7, 0, 1}), 2);
}

TEST(CropBatches, AreNotFilledAcrossShards) {
  const auto model = model_on_gpu();
  EXPECT_EQ(batches_of(model, {3, 1, 1}), 2);
  EXPECT_EQ(batches_of(model, {2, 1}), 1);
}

}  // namespace
}  // namespace datus::test
