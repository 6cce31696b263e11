// SPDX-License-Identifier: Apache-2.0
#include "datus/model/resize.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_reader.hpp"
#include "model/pixels/resize_kernels.hpp"
#include "support/golden.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace resize_test {

/// The input of a golden case: stored beside the results, except for plain PNG files, which any decoder reads exactly.
Image source_of(const nlohmann::json& entry, const std::map<std::string, test::GoldenTensor>& golden) {
  if (golden.contains("decoded_rgb")) {
    Image image(entry.at("height"), entry.at("width"));
    image.pixels = golden.at("decoded_rgb").as<std::uint8_t>();
    return image;
  }
  return read_image(test::data_path("golden/preprocess/" + entry.at("file").get<std::string>()));
}

Image noise(int height, int width, unsigned seed) {
  Image image(height, width);
  std::mt19937 generator(seed);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(generator() >> 24U);
  return image;
}

Image cut(const Image& image, const PixelBox& box) {
  Image result(box.height, box.width);
  for (int y = 0; y < box.height; ++y) {
    for (int i = 0; i < 3 * box.width; ++i) {
      result.row(y)[static_cast<std::size_t>(i)] = image.row(box.top + y)[static_cast<std::size_t>(3 * box.left + i)];
    }
  }
  return result;
}

TEST(Resize, EqualsPillowOnEveryGoldenImage) {
  const auto cases = test::read_json("golden/preprocess/cases.json").at("cases");
  int compared = 0;
  const auto compare = [&](const auto& golden, const std::string& name, const auto& resize) {
    if (!golden.contains(name)) return;
    EXPECT_EQ(resize().pixels, golden.at(name).template as<std::uint8_t>()) << name;
    ++compared;
  };
  for (const auto& entry : cases) {
    const std::string file = entry.at("expected");
    SCOPED_TRACE(file);
    const auto golden = test::read_golden("golden/preprocess/" + file);
    const Image source = source_of(entry, golden);
    const auto& shorter = entry.at("short256");
    const PixelBox window{shorter.at("crop_top"), shorter.at("crop_left"), 224, 224};
    compare(golden, "squash224_bicubic", [&] { return resize_image(source, 224, 224, Resample::bicubic); });
    compare(golden, "squash224_bilinear", [&] { return resize_image(source, 224, 224, Resample::bilinear); });
    compare(golden, "short256_bicubic_crop224", [&] {
      return resize_window(source, shorter.at("resized_height"), shorter.at("resized_width"), Resample::bicubic,
                           window);
    });
  }
  EXPECT_EQ(cases.size(), 21U);
  EXPECT_EQ(compared, 21 + 3 + 8);
}

TEST(Resize, WindowEqualsTheSamePartOfTheWhole) {
  const Image source = noise(37, 53, 1);
  std::mt19937 generator(2);
  const auto below = [&](int bound) { return static_cast<int>(generator() % static_cast<unsigned>(bound)); };
  for (int round = 0; round < 200; ++round) {
    // Sometimes a side keeps its size, so that each of the passes is skipped now and then.
    const int height = below(4) == 0 ? source.height : 1 + below(90);
    const int width = below(4) == 0 ? source.width : 1 + below(90);
    PixelBox window{below(height), below(width), 0, 0};
    window.height = 1 + below(height - window.top);
    window.width = 1 + below(width - window.left);
    const Resample resample = below(2) == 0 ? Resample::bicubic : Resample::bilinear;
    const Image whole = resize_image(source, height, width, resample);
    ASSERT_EQ(resize_window(source, height, width, resample, window).pixels, cut(whole, window).pixels)
        << height << " x " << width;
  }
}

TEST(Resize, KeepsConstantImagesAndSkipsEqualSizes) {
  Image constant(19, 23);
  for (auto& value : constant.pixels) value = 201;
  for (const auto& [height, width] : {std::pair{5, 7}, {100, 3}, {1, 1}, {300, 301}}) {
    for (const std::uint8_t value : resize_image(constant, height, width, Resample::bicubic).pixels) {
      ASSERT_EQ(value, 201);
    }
  }
  const Image source = noise(19, 23, 3);
  EXPECT_EQ(resize_image(source, 19, 23, Resample::bicubic).pixels, source.pixels);
}

// The kernels are chosen by the CPU, so that one run of the program uses one path: compare them here directly.
TEST(Resize, BothPathsGiveTheSameBytes) {
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "this CPU has no AVX2: only the baseline path runs here";
  std::mt19937 generator(4);
  constexpr std::size_t pixels = 83;
  std::vector<std::int32_t> weights(40);
  for (auto& weight : weights) weight = static_cast<std::int32_t>(generator() % 900'000) - 200'000;
  const Image source = noise(2, pixels, 7);
  const resize_kernels::TwoRows<const std::uint8_t> two{source.row(0).data(), source.row(1).data()};
  std::vector<resize_kernels::WidePixels> wide(pixels);
  std::vector<resize_kernels::WidePixels> wide_avx2(pixels);
  resize_kernels::widen_baseline(two, 3, pixels, wide.data());
  resize_kernels::widen_avx2(two, 3, pixels, wide_avx2.data());
  for (std::size_t x = 0; x < pixels; ++x) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      const bool is_there = x >= 3 && lane % 4 < 3;
      const int expected = is_there ? source.pixels[3 * (x + pixels * (lane / 4)) + lane % 4] : 0;
      ASSERT_EQ(wide[x].lanes[lane], expected) << x;
      ASSERT_EQ(wide_avx2[x].lanes[lane], expected) << x;
    }
  }
  std::vector<resize_kernels::Window> windows;
  for (int i = 0; i < 43; ++i) windows.push_back({i, 1 + i % 20, weights.data() + i % 20});
  const std::size_t bytes = windows.size() * 3;
  std::vector<std::uint8_t> baseline(2 * bytes);
  std::vector<std::uint8_t> avx2(2 * bytes);
  resize_kernels::horizontal_baseline(wide.data(), windows.data(), windows.size(),
                                      {baseline.data(), baseline.data() + bytes});
  resize_kernels::horizontal_avx2(wide.data(), windows.data(), windows.size(), {avx2.data(), avx2.data() + bytes});
  EXPECT_EQ(baseline, avx2);

  const Image rows = noise(64, 67, 5);
  constexpr std::size_t stride = 3 * 67;
  baseline.assign(stride, 0);
  avx2.assign(stride, 0);
  for (const auto& window : windows) {
    resize_kernels::vertical_baseline(rows.pixels.data(), stride, window, stride, baseline.data());
    resize_kernels::vertical_avx2(rows.pixels.data(), stride, window, stride, avx2.data());
    ASSERT_EQ(baseline, avx2);
  }
}

TEST(Resize, RefusesEmptyImagesAndWindowsOutside) {
  const Image source = noise(10, 10, 6);
  EXPECT_THROW((void)resize_image(Image{}, 5, 5, Resample::bicubic), InputError);
  EXPECT_THROW((void)resize_image(source, 0, 5, Resample::bicubic), InputError);
  for (const PixelBox& window : {PixelBox{0, 0, 0, 5}, {-1, 0, 5, 5}, {0, 16, 5, 5}, {16, 0, 5, 5}, {0, 0, 21, 5}}) {
    EXPECT_THROW((void)resize_window(source, 20, 20, Resample::bicubic, window), InputError);
  }
}

}  // namespace resize_test
}  // namespace datus
