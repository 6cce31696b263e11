// SPDX-License-Identifier: Apache-2.0
#include "datus/model/masked_crop.hpp"

#include "datus/core/error.hpp"
#include "datus/model/normalise.hpp"
#include "datus/model/resize.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace masked_crop_test {

/// [3, H, W] planes of an image.
std::vector<std::uint8_t> planes_of(const Image& image) {
  const std::size_t pixels = image.pixels.size() / 3;
  std::vector<std::uint8_t> planes(image.pixels.size());
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) planes[channel * pixels + i] = image.pixels[3 * i + channel];
  }
  return planes;
}

/// Elements [index * length, (index + 1) * length).
template <class T>
std::vector<T> part(const std::vector<T>& values, std::size_t index, std::size_t length) {
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(index * length);
  return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

TEST(MaskedCrop, EqualsTheGoldenInputsAndTheirNormalisation) {
  const auto description = test::read_json("golden/descriptor/cases.json");
  const auto mean = description.at("mean").get<std::array<float, 3>>();
  const auto stddev = description.at("std").get<std::array<float, 3>>();
  std::size_t crops = 0;
  for (const auto& entry : description.at("cases")) {
    const std::string file = entry.at("file");
    const auto golden = test::read_golden("golden/descriptor/" + file);
    Image image(224, 224);
    image.pixels = golden.at("image224").as<std::uint8_t>();
    const auto segments = golden.at("segments").as<std::int16_t>();
    const auto boxes = golden.at("boxes").as<std::int32_t>();
    const auto inputs = golden.at("inputs").as<std::uint8_t>();
    const auto rows = golden.at("normalised_row112").as<float>();
    const int patch = entry.at("patch");
    const int side = entry.at("grid");
    const auto count = entry.at("segments").get<std::size_t>();
    for (std::size_t segment = 0; segment < count; ++segment, ++crops) {
      SCOPED_TRACE(file + ", segment " + std::to_string(segment));
      const auto pixels = part(boxes, segment, 8);
      const auto in_patches = [&](std::size_t i) { return static_cast<std::int16_t>(pixels[i] / patch); };
      const Image crop = masked_crop(image, segments, {side, side}, patch, static_cast<int>(segment),
                                     {in_patches(0), in_patches(1), in_patches(2), in_patches(3)});
      ASSERT_EQ(planes_of(crop), part(inputs, segment, std::size_t{3} * 224 * 224));

      std::vector<float> normalised(crop.pixels.size());
      normalise(crop, mean, stddev, false, normalised);
      for (std::size_t plane = 0; plane < 3; ++plane) {
        for (std::size_t x = 0; x < 224; ++x) {
          ASSERT_NEAR(normalised[(plane * 224 + 112) * 224 + x], rows[(segment * 3 + plane) * 224 + x], 1e-6);
        }
      }
    }
  }
  EXPECT_GE(crops, 15U);
}

// One row of patches of a wide grid: 8 x 1600 pixels become 64 x 12800, of which 48 x 48 are kept.
TEST(MaskedCrop, LongThinSegmentsAndOtherSizes) {
  const GridSize grid{3, 200};
  Image image(24, 1600);
  std::uint32_t state = 1;
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24U);
  std::vector<std::int16_t> map(static_cast<std::size_t>(grid.patches()), -1);
  std::fill(map.begin() + 200, map.begin() + 400, std::int16_t{4});
  map[200 + 100] = 3;  // a hole where the crop looks
  Image strip(8, 1600);
  std::copy(image.row(8).data(), image.row(16).data(), strip.pixels.begin());
  for (int y = 0; y < 8; ++y) std::fill_n(strip.row(y).begin() + 800 * 3, 8 * 3, std::uint8_t{0});
  const Image expected =
      resize_window(resize_image(strip, 64, 12800, Resample::bicubic), 64, 12800, Resample::bicubic, {8, 6376, 48, 48});
  EXPECT_EQ(masked_crop(image, map, grid, 8, 4, {1, 0, 1, 200}, 64, 48).pixels, expected.pixels);
}

TEST(MaskedCrop, RefusesWhatDoesNotFit) {
  const GridSize grid{4, 4};
  const Image image(32, 32);
  const std::vector<std::int16_t> map(16, 0);
  const PatchBox all{0, 0, 4, 4};
  EXPECT_NO_THROW((void)masked_crop(image, map, grid, 8, 0, all));
  EXPECT_THROW((void)masked_crop(Image(32, 24), map, grid, 8, 0, all), InputError);
  EXPECT_THROW((void)masked_crop(image, std::span(map).first(15), grid, 8, 0, all), InputError);
  EXPECT_THROW((void)masked_crop(image, map, grid, 8, 1, all), InputError);
  for (const PatchBox& box : {PatchBox{-1, 0, 2, 2}, {0, 0, 0, 2}, {3, 0, 2, 2}, {0, 3, 2, 2}}) {
    EXPECT_THROW((void)masked_crop(image, map, grid, 8, 0, box), InputError);
  }
  EXPECT_THROW((void)masked_crop(image, map, grid, 8, 0, all, 200, 224), UsageError);
  EXPECT_THROW((void)masked_crop(image, map, grid, 8, 0, all, 256, 0), UsageError);
}

}  // namespace masked_crop_test
}  // namespace datus
