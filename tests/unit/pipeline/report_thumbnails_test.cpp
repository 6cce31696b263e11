// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/thumbnails.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

namespace datus::test {
namespace report_thumbnails_test {

constexpr std::array<std::uint8_t, 3> red = {250, 20, 10};
constexpr std::array<std::uint8_t, 3> yellow = {255, 214, 0};

Image red_image(int height, int width) {
  Image image(height, width);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = red[i % 3];
  return image;
}

std::array<std::uint8_t, 3> pixel(const Image& image, int y, int x) {
  const auto row = image.row(y).subspan(static_cast<std::size_t>(x) * 3, 3);
  return {row[0], row[1], row[2]};
}

TEST(ReportThumbnails, HaveNoMorePixelsThanAskedForAndTheSameShape) {
  const Image small = thumbnail(red_image(400, 800), 20'000);
  EXPECT_EQ(small.height, 100);
  EXPECT_EQ(small.width, 200);
  EXPECT_EQ(thumbnail(red_image(100, 200), 20'000).width, 200);
  const Image line = thumbnail(red_image(1, 5000), 100);
  EXPECT_EQ(line.height, 1);
}

TEST(ReportThumbnails, LabelsAreTakenFromTheMiddleOfPixels) {
  LabelMap map(2, 4);
  map.labels = {0, 1, 2, 3, 4, 5, 6, no_label};
  EXPECT_EQ(at_size(map, 1, 2).labels, (std::vector<std::int32_t>{5, no_label}));
  EXPECT_EQ(at_size(map, 4, 8).labels[9], 0);
  EXPECT_EQ(at_size(map, 4, 8).labels[31], no_label);
  EXPECT_EQ(at_size(map, 2, 4).labels, map.labels);
}

// A square of 20 pixels: all of it is there, in its colours, with an outline; what is around it is grey.
TEST(ReportThumbnails, ACutoutShowsOneSegment) {
  LabelMap segments(60, 90, 0);
  for (int y = 30; y < 50; ++y) {
    for (int x = 10; x < 30; ++x) segments.labels[static_cast<std::size_t>(y * 90 + x)] = 7;
  }
  const Image part = cutout(red_image(60, 90), segments, 7, 96);
  ASSERT_EQ(part.height, 28) << "four pixels around it";
  ASSERT_EQ(part.width, 28);
  EXPECT_EQ(pixel(part, 14, 14), red);
  EXPECT_EQ(pixel(part, 4, 14), yellow);
  EXPECT_EQ(pixel(part, 23, 23), yellow);
  EXPECT_EQ(pixel(part, 5, 5), red);
  const auto outside = pixel(part, 3, 14);
  EXPECT_EQ(outside[0], outside[1]);
  EXPECT_EQ(outside[1], outside[2]);
  const Image small = cutout(red_image(60, 90), segments, 7, 14);
  EXPECT_EQ(std::max(small.height, small.width), 14);
  EXPECT_TRUE(cutout(red_image(60, 90), segments, 8, 96).pixels.empty());
}

}  // namespace report_thumbnails_test
}  // namespace datus::test
