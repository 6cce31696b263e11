// SPDX-License-Identifier: Apache-2.0
#include "pipeline/backbone/backbone.hpp"

#include "datus/core/half.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace backbone_test {

Backbone backbone_with(ModelConfig::ChannelOrder order) {
  ModelConfig config;
  config.heads = 2;
  config.channel_order = order;
  ModelPlacement placement;
  placement.batch_size = 2;
  return {config, data_path("golden/vit/dino_p8.safetensors"), placement, 2};
}

TEST(Backbone, TheChannelOrderIsThatOfEmbeddingsAlone) {
  std::mt19937 generator(1);
  std::vector<Image> images(3, Image(32, 32));
  std::vector<const Image*> pointers;
  for (Image& image : images) {
    for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(generator());
    pointers.push_back(&image);
  }
  const GridSize grid{4, 4};
  std::vector<std::int16_t> maps(3 * 16, -1);
  std::vector<CropPlace> places;
  for (int image = 0; image < 3; ++image) {
    for (int p = 0; p < 8; ++p) maps[static_cast<std::size_t>(image * 16 + p)] = 0;
    places.push_back({image, 0, {0, 0, 2, 4}});
  }
  const std::vector<int> segments(3, 1);
  const SegmentCrops crops{.images = pointers,
                           .segment_maps = maps,
                           .grid = grid,
                           .patch = 8,
                           .places = places,
                           .crop_resize = 40,
                           .crop_size = 32};
  const Backbone rgb = backbone_with(ModelConfig::ChannelOrder::rgb);
  const Backbone bgr = backbone_with(ModelConfig::ChannelOrder::bgr);
  const auto keys = rgb.embedding_request(false);
  const VisionTransformer::Request tokens{.feature = PatchFeature::token};
  EXPECT_NE(rgb.begin_forward(pointers, keys).get().embeddings, bgr.begin_forward(pointers, keys).get().embeddings);
  EXPECT_EQ(rgb.begin_crop_vectors(crops).get(), bgr.begin_crop_vectors(crops).get());
  EXPECT_EQ(rgb.begin_segment_cls(pointers, maps, segments).get(),
            bgr.begin_segment_cls(pointers, maps, segments).get());
  EXPECT_EQ(rgb.begin_describing_forward(pointers, tokens).get().embeddings,
            bgr.begin_describing_forward(pointers, tokens).get().embeddings);
  EXPECT_EQ(rgb.begin_crop_vectors(crops).get().size(), 3U * 32U);
}

TEST(Backbone, FlippedEmbeddingsAreMeansOverTheInputAndItsMirrorImage) {
  std::mt19937 generator(2);
  Image image(24, 40);
  Image mirrored(24, 40);
  for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(generator());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const std::size_t x = i / 3 % 40;
    mirrored.pixels[i - 3 * x + 3 * (39 - x)] = image.pixels[i];
  }
  ModelConfig config;
  config.heads = 2;
  const ModelPlacement placement;
  const auto weights = data_path("golden/vit/dino_p8.safetensors");
  const Backbone plain(config, weights, placement, 2);
  config.flip = true;
  Backbone flipping(config, weights, placement, 2);
  std::vector<std::size_t> done;
  flipping.before_each_batch([&](std::size_t count) { done.push_back(count); });
  flipping.use_batches_of(1);
  const std::vector<const Image*> both{&image, &mirrored};
  const auto single = plain.begin_embed(both, true, false).get();
  const auto mean = flipping.begin_embed(both, true, false).get();
  EXPECT_EQ(mean.cls, single.cls);
  const std::size_t dim = static_cast<std::size_t>(plain.architecture().dim);
  ASSERT_EQ(mean.embeddings.size(), 2 * 3 * 5 * dim);
  for (std::size_t i = 0; i < 3 * 5 * dim; ++i) {
    const std::size_t col = i / dim % 5;
    const std::size_t other = i - col * dim + (4 - col) * dim + 3 * 5 * dim;
    ASSERT_EQ(mean.embeddings[i], 0.5F * (single.embeddings[i] + single.embeddings[other])) << i;
    ASSERT_EQ(mean.embeddings[i], mean.embeddings[other]) << i;
  }
  EXPECT_NE(mean.embeddings, single.embeddings);
  EXPECT_TRUE(std::ranges::is_sorted(done));
  EXPECT_LE(done.back(), 2U);
  // As float16 they are rounded once, whether they are means or not.
  for (const Backbone* backbone : {&plain, static_cast<const Backbone*>(&flipping)}) {
    const auto expected = backbone->begin_embed(both, true, false).get().embeddings;
    const auto found = backbone->begin_embed(both, true, true).get();
    EXPECT_TRUE(found.embeddings.empty());
    ASSERT_EQ(found.halves.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(found.halves[i], to_half(expected[i])) << i;
  }
}

}  // namespace backbone_test
}  // namespace datus::test
