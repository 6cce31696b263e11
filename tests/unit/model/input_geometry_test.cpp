// SPDX-License-Identifier: Apache-2.0
#include "datus/model/input_geometry.hpp"

#include "datus/core/error.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace input_geometry_test {

Image noise(int height, int width) {
  Image image(height, width);
  std::mt19937 generator(7);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(generator() >> 24U);
  return image;
}

/// Labels 0, 1, 2, ... by patch, so that a label names its patch.
std::vector<std::int32_t> numbered(GridSize grid) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(grid.patches()));
  std::iota(labels.begin(), labels.end(), 0);
  return labels;
}

std::int32_t at(const LabelMap& map, int y, int x) {
  return map.labels[static_cast<std::size_t>(y * map.width + x)];
}

TEST(InputGeometry, SquashResizesBothSides) {
  const Image image = noise(30, 50);
  const InputGeometry geometry(30, 50, 16, 24, 8, ResizeMode::squash);
  EXPECT_EQ(geometry.grid(), (GridSize{2, 3}));
  EXPECT_EQ(geometry.apply(image, Resample::bilinear).pixels, resize_image(image, 16, 24, Resample::bilinear).pixels);
  EXPECT_EQ(geometry.valid_patches(), std::vector<std::uint8_t>(6, 1));
  const LabelMap original = geometry.to_original(numbered(geometry.grid()));
  ASSERT_EQ(original.height, 30);
  ASSERT_EQ(original.width, 50);
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 50; ++x) ASSERT_EQ(at(original, y, x), (2 * y + 1) * 2 / 60 * 3 + (2 * x + 1) * 3 / 100);
  }
  const LabelMap input = geometry.to_input(numbered(geometry.grid()));
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 24; ++x) ASSERT_EQ(at(input, y, x), y / 8 * 3 + x / 8);
  }
}

// Resize(256) and CenterCrop(256) of torchvision differ from the golden Resize(256), CenterCrop(224) in the crop only,
// so the middle of the larger one must be the golden image (both offsets are whole numbers for an even rest).
TEST(InputGeometry, CropEqualsTorchvision) {
  const auto cases = test::read_json("golden/preprocess/cases.json").at("cases");
  int compared = 0;
  for (const auto& entry : cases) {
    const auto golden = test::read_golden("golden/preprocess/" + entry.at("expected").get<std::string>());
    if (!golden.contains("short256_bicubic_crop224") || !golden.contains("decoded_rgb")) continue;
    Image image(entry.at("height"), entry.at("width"));
    image.pixels = golden.at("decoded_rgb").as<std::uint8_t>();
    const InputGeometry geometry(image.height, image.width, 256, 256, 8, ResizeMode::crop);
    const Image input = geometry.apply(image, Resample::bicubic);
    const auto& shorter = entry.at("short256");
    const auto offset = [](int resized, int kept) { return (resized - kept) / 2; };
    const int top = shorter.at("crop_top").get<int>() - offset(shorter.at("resized_height"), 256);
    const int left = shorter.at("crop_left").get<int>() - offset(shorter.at("resized_width"), 256);
    EXPECT_EQ(resize_window(input, 256, 256, Resample::bicubic, {top, left, 224, 224}).pixels,
              golden.at("short256_bicubic_crop224").as<std::uint8_t>())
        << entry.at("file");
    ++compared;
  }
  EXPECT_EQ(compared, 2);
}

// 10 x 47 pixels at scale 1.6 = max(16/10, 24/47): 16 x 75, of which columns 26 ... 49 are kept (25.5 rounds to 26).
TEST(InputGeometry, CropCutsTheLongSideAndRoundsHalvesToEven) {
  const Image image = noise(10, 47);
  const InputGeometry geometry(10, 47, 16, 24, 8, ResizeMode::crop);
  EXPECT_EQ(geometry.apply(image, Resample::bicubic).pixels,
            resize_window(image, 16, 75, Resample::bicubic, {0, 26, 16, 24}).pixels);
  EXPECT_EQ(geometry.valid_patches(), std::vector<std::uint8_t>(6, 1));
  const LabelMap original = geometry.to_original(numbered(geometry.grid()));
  for (int y = 0; y < 10; ++y) {
    for (int x = 0; x < 47; ++x) {
      const int position = (2 * x + 1) * 75 - 2 * 26 * 47;  // in 94ths of an input pixel
      const bool inside = position >= 0 && position < 94 * 24;
      ASSERT_EQ(at(original, y, x), inside ? y / 5 * 3 + position / (94 * 8) : -1) << y << ", " << x;
    }
  }
  EXPECT_EQ(std::count(original.labels.begin(), original.labels.end(), -1), 10 * (16 + 16));
}

// 20 x 50 pixels at scale 0.48 = min(16/20, 24/50): 9 x 24, at the top of 16 x 24. With 3-pixel patches (input 15 x 24)
// three of the five rows of patches show something.
TEST(InputGeometry, PadPutsTheImageAtTheTopLeft) {
  const Image image = noise(20, 50);
  const InputGeometry geometry(20, 50, 15, 24, 3, ResizeMode::pad);
  const Image resized = resize_image(image, 9, 24, Resample::bicubic);
  Image expected(15, 24);
  std::copy(resized.pixels.begin(), resized.pixels.end(), expected.pixels.begin());
  EXPECT_EQ(geometry.apply(image, Resample::bicubic).pixels, expected.pixels);
  std::vector<std::uint8_t> valid(40, 0);
  std::fill_n(valid.begin(), 24, std::uint8_t{1});
  EXPECT_EQ(geometry.valid_patches(), valid);
  const LabelMap original = geometry.to_original(numbered(geometry.grid()));
  for (int y = 0; y < 20; ++y) {
    for (int x = 0; x < 50; ++x) ASSERT_EQ(at(original, y, x), (2 * y + 1) * 9 / 120 * 8 + (2 * x + 1) * 24 / 300);
  }
}

TEST(InputGeometry, PadMarksPartlyCoveredPatches) {
  const InputGeometry geometry(50, 20, 24, 16, 8, ResizeMode::pad);  // 24 x 9: the second column shows one pixel
  EXPECT_EQ(geometry.valid_patches(), std::vector<std::uint8_t>(6, 1));
  const LabelMap input = geometry.to_input(numbered(geometry.grid()));
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 16; ++x) ASSERT_EQ(at(input, y, x), x < 9 ? y / 8 * 2 + x / 8 : -1);
  }
  const InputGeometry line(1, 1000, 16, 16, 8, ResizeMode::pad);  // 0.016 pixels high: one is kept
  EXPECT_EQ(line.valid_patches(), (std::vector<std::uint8_t>{1, 1, 0, 0}));
  EXPECT_EQ(line.apply(noise(1, 1000), Resample::bicubic).height, 16);
}

// Every mode maps an image of the input's own shape to itself.
TEST(InputGeometry, SameShapeIsTheIdentityInEveryMode) {
  const Image image = noise(16, 24);
  for (const ResizeMode mode : {ResizeMode::squash, ResizeMode::crop, ResizeMode::pad}) {
    const InputGeometry geometry(16, 24, 16, 24, 8, mode);
    EXPECT_EQ(geometry.apply(image, Resample::bicubic).pixels, image.pixels);
    EXPECT_EQ(geometry.to_original(numbered(geometry.grid())).labels,
              geometry.to_input(numbered(geometry.grid())).labels);
    EXPECT_EQ(geometry.valid_patches(), std::vector<std::uint8_t>(6, 1));
  }
}

TEST(InputGeometry, RefusesWhatDoesNotFit) {
  EXPECT_THROW(InputGeometry(10, 10, 20, 24, 8, ResizeMode::squash), UsageError);
  EXPECT_THROW(InputGeometry(10, 10, 16, 0, 8, ResizeMode::squash), UsageError);
  EXPECT_THROW(InputGeometry(10, 10, 16, 16, 0, ResizeMode::squash), UsageError);
  EXPECT_THROW(InputGeometry(10, 10, 8 * 182, 8 * 182, 8, ResizeMode::squash), UsageError);
  EXPECT_NO_THROW(InputGeometry(10, 10, 8 * 181, 8 * 181, 8, ResizeMode::squash));
  EXPECT_THROW(InputGeometry(0, 10, 16, 16, 8, ResizeMode::squash), InputError);
  const InputGeometry geometry(10, 10, 16, 16, 8, ResizeMode::squash);
  EXPECT_THROW((void)geometry.apply(noise(10, 11), Resample::bicubic), InputError);
  EXPECT_THROW((void)geometry.to_original(std::vector<std::int32_t>(3)), InputError);
  EXPECT_THROW((void)geometry.to_input(std::vector<std::int32_t>(5)), InputError);
}

/// A field that is linear in the position is interpolated without error: each pixel has the place of its own centre.
void expect_blends(const std::vector<PatchBlend>& blends, int image, int input, int resized, int offset, int patch) {
  ASSERT_EQ(std::ssize(blends), image);
  const int shown = (std::min(resized, input) + patch - 1) / patch;
  for (int x = 0; x < image; ++x) {
    const PatchBlend& blend = blends[static_cast<std::size_t>(x)];
    const double position = (x + 0.5) * resized / image - offset;  // in pixels of the input
    if (position < 0 || position >= input) {
      ASSERT_EQ(blend.first, -1) << x;
      continue;
    }
    const double wanted = std::clamp(position / patch - 0.5, 0.0, shown - 1.0);
    const double weight = static_cast<double>(blend.weight);
    ASSERT_GE(blend.first, 0);
    ASSERT_LT(blend.second, shown);
    ASSERT_NEAR((1 - weight) * blend.first + weight * blend.second, wanted, 1e-5) << x;
    ASSERT_LE(blend.second - blend.first, 1);
  }
}

TEST(InputGeometry, BlendsAreBilinear) {
  const InputGeometry squash(30, 50, 16, 24, 8, ResizeMode::squash);
  expect_blends(squash.blend_original().rows, 30, 16, 16, 0, 8);
  expect_blends(squash.blend_original().cols, 50, 24, 24, 0, 8);
  expect_blends(squash.blend_input().cols, 24, 24, 24, 0, 8);
  // 100 x 60: the shorter side fits, and 26 of 53 columns of pixels are cut off on each side.
  const InputGeometry crop(60, 100, 32, 32, 8, ResizeMode::crop);
  expect_blends(crop.blend_original().rows, 60, 32, 32, 0, 8);
  expect_blends(crop.blend_original().cols, 100, 32, 53, 10, 8);
  // 60 x 100: the longer side fits, and rows from 19 on are padding.
  const InputGeometry pad(60, 100, 32, 32, 8, ResizeMode::pad);
  expect_blends(pad.blend_original().rows, 60, 32, 19, 0, 8);
  EXPECT_EQ(pad.blend_input().rows[18].first, 2 - 1 + (18.5 / 8 - 0.5 >= 2 ? 1 : 0));
  EXPECT_EQ(pad.blend_input().rows[19].first, -1);
  EXPECT_EQ(pad.blend_grid().rows[2].first, 2);
  EXPECT_EQ(pad.blend_grid().rows[3].first, -1);
}

TEST(InputGeometry, BlendsOfOnePatch) {
  const InputGeometry geometry(5, 7, 8, 8, 8, ResizeMode::squash);
  for (const PatchBlend& blend : geometry.blend_original().cols) {
    EXPECT_EQ(blend.first, 0);
    EXPECT_EQ(blend.second, 0);
  }
}

}  // namespace input_geometry_test
}  // namespace datus
