// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/model/normalise.hpp"
#include "datus/model/segment_crops.hpp"
#include "datus/model/vision_transformer.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// A small model on a card and what it is fed with.

namespace datus::test {

inline constexpr PixelScaling scaling{{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}, false};

inline std::string checkpoint(const char* name = "dino_p8_head64.safetensors") {
  return data_path(std::string("golden/vit/") + name);
}

/// In float32.
inline VisionTransformer model_on_gpu(bool cuda_graphs = false, int gpu = 0) {
  ViTOptions options;
  options.gpu = gpu;
  options.cuda_graphs = cuda_graphs;
  return VisionTransformer::load(checkpoint(), options);
}

inline std::vector<Image> random_images(int count, int height, int width) {
  std::mt19937 generator(11);
  std::vector<Image> images;
  for (int i = 0; i < count; ++i) {
    Image image(height, width);
    for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(generator());
    images.push_back(std::move(image));
  }
  return images;
}

inline std::vector<const Image*> pointers(const std::vector<Image>& images) {
  std::vector<const Image*> all;
  for (const Image& image : images) all.push_back(&image);
  return all;
}

/// The largest one, as a share of the largest value.
inline double difference(const std::vector<float>& actual, const std::vector<float>& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  if (actual.size() != expected.size()) return INFINITY;
  double largest = 1e-6;
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    const double found = actual[i];
    worst = std::max(worst, std::isfinite(found) ? std::abs(found - static_cast<double>(expected[i])) : INFINITY);
  }
  return worst / largest;
}

/// Crops of the upper and the lower half of images of 64 x 64 pixels, or of the upper one alone.
struct Halves {
  explicit Halves(std::span<const Image* const> images, int of_each = 2) : inputs(images) {
    for (std::size_t image = 0; image < images.size(); ++image) {
      for (int patch = 0; patch < 64; ++patch) maps.push_back(patch < 32 ? 0 : 1);
      for (std::int16_t half = 0; half < of_each; ++half) {
        places.push_back({static_cast<int>(image), half, {static_cast<std::int16_t>(4 * half), 0, 4, 8}});
      }
    }
  }
  [[nodiscard]] SegmentCrops crops(std::size_t first_place = 0) const {
    return {.images = inputs,
            .segment_maps = maps,
            .grid = {8, 8},
            .patch = 8,
            .places = places,
            .crop_resize = 40,
            .crop_size = 32,
            .first_place = first_place};
  }
  std::span<const Image* const> inputs;
  std::vector<std::int16_t> maps;
  std::vector<CropPlace> places;
};

}  // namespace datus::test
