// SPDX-License-Identifier: Apache-2.0
#include "datus/io/encoded_image.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "support/temp_folder.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace encoded_image_test {

template <class Bytes>
std::string text_of(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

Image slope() {
  Image image(40, 60);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      auto pixel = image.row(y).subspan(static_cast<std::size_t>(x) * 3, 3);
      pixel[0] = static_cast<std::uint8_t>(4 * x);
      pixel[1] = static_cast<std::uint8_t>(5 * y);
      pixel[2] = 90;
    }
  }
  return image;
}

TEST(EncodedImage, AJpegLooksLikeTheImage) {
  const TempFolder folder;
  write_bytes(folder / "a.jpg", text_of(jpeg_bytes(slope(), 90)));
  const Image back = read_image(folder / "a.jpg");
  ASSERT_EQ(back.width, 60);
  ASSERT_EQ(back.height, 40);
  double difference = 0;
  for (std::size_t i = 0; i < back.pixels.size(); ++i) difference += std::abs(back.pixels[i] - slope().pixels[i]);
  EXPECT_LT(difference / static_cast<double>(back.pixels.size()), 3);
  EXPECT_EQ(jpeg_bytes(slope(), 90), jpeg_bytes(slope(), 90));
  EXPECT_LT(jpeg_bytes(slope(), 30).size(), jpeg_bytes(slope(), 95).size());
  EXPECT_THROW((void)jpeg_bytes(Image(), 90), SystemError);
}

TEST(EncodedImage, APngOfPixelsIsTheImage) {
  const TempFolder folder;
  write_bytes(folder / "a.png", text_of(png_bytes(slope())));
  EXPECT_EQ(read_image(folder / "a.png").pixels, slope().pixels);
}

// Few labels: the last entry of the palette stands for none. Many: 65535 does, as in masks.
TEST(EncodedImage, APngOfLabelsHoldsThem) {
  const TempFolder folder;
  LabelMap map(2, 3);
  map.labels = {0, 2, -1, 1, 1, 2};
  const Palette palette{.colours = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, .unassigned = {10, 11, 12}};
  write_bytes(folder / "few.png", text_of(label_png_bytes(map, 3, palette)));
  EXPECT_EQ(read_mask(folder / "few.png").labels, (std::vector<std::int32_t>{0, 2, 3, 1, 1, 2}));
  EXPECT_EQ(read_image(folder / "few.png").pixels,
            (std::vector<std::uint8_t>{1, 2, 3, 7, 8, 9, 10, 11, 12, 4, 5, 6, 4, 5, 6, 7, 8, 9}));
  map.labels[0] = 299;
  write_bytes(folder / "many.png", text_of(label_png_bytes(map, 300, palette)));
  EXPECT_EQ(read_mask(folder / "many.png").labels, map.labels);
  EXPECT_THROW((void)label_png_bytes(map, 299, palette), UsageError);
  EXPECT_THROW((void)label_png_bytes(map, 3, palette), UsageError);
}

}  // namespace encoded_image_test
}  // namespace datus::test
