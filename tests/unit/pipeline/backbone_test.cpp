#include "pipeline/backbone/backbone.hpp"

#include "support/golden.hpp"

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
  EXPECT_NE(rgb.forward(pointers, keys).embeddings, bgr.forward(pointers, keys).embeddings);
  EXPECT_EQ(rgb.crop_vectors(crops), bgr.crop_vectors(crops));
  EXPECT_EQ(rgb.segment_cls(pointers, maps, segments), bgr.segment_cls(pointers, maps, segments));
  EXPECT_EQ(rgb.describing_forward(pointers, tokens).embeddings, bgr.describing_forward(pointers, tokens).embeddings);
  EXPECT_EQ(rgb.crop_vectors(crops).size(), 3U * 32U);
}

}  // namespace backbone_test
}  // namespace datus::test
