// SPDX-License-Identifier: Apache-2.0
#pragma once

// Images and values to refine, made from a seed.

#include "datus/core/image.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace datus::test {

/// Two regions with a slanted edge, shades and noise.
inline Image edged_image(int height, int width, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> noise(0.0F, 4.0F);
  Image image(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float region = 3 * x + y > 2 * width ? 150.0F : 60.0F;
      for (int c = 0; c < 3; ++c) {
        const float shade = region + 20.0F * std::sin(0.1F * static_cast<float>(x * (c + 1) + y)) + noise(generator);
        image.row(y)[std::size_t(x) * 3 + c] = static_cast<std::uint8_t>(std::clamp(shade, 0.0F, 255.0F));
      }
    }
  }
  return image;
}

inline std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

}  // namespace datus::test
