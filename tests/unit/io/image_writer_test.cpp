// SPDX-License-Identifier: Apache-2.0
#include "datus/io/image_writer.hpp"

#include "datus/io/image_reader.hpp"
#include "datus/io/mask_file.hpp"
#include "image_test_support.hpp"

#include <limits>
#include <random>
#include <string>
#include <utility>

namespace datus {
namespace image_writer_test {

TEST(ImageWriter, PngRoundTripWithEqualBytes) {
  const test::TempFolder folder;
  const Image image = test::test_picture(31, 46);
  write_png(folder / "a.png", image);
  write_png(folder / "b.png", image);
  const Image read = read_image(folder / "a.png");
  EXPECT_EQ(read.height, 31);
  EXPECT_EQ(read.width, 46);
  EXPECT_EQ(read.pixels, image.pixels);
  const test::Bytes bytes = test::read_file(folder / "a.png");
  EXPECT_EQ(bytes, test::read_file(folder / "b.png"));
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_EQ(text.find("tIME"), std::string::npos);
  EXPECT_EQ(text.find("tEXt"), std::string::npos);
}

TEST(ImageWriter, PalettePngShowsThePalette) {
  const test::TempFolder folder;
  const Palette palette{.colours = {{1, 2, 3}, {40, 50, 60}}, .unassigned = {7, 8, 9}};
  const std::vector<std::uint8_t> indices = {0, 1, 2, 254, 255, 1};
  write_palette_png(folder / "labels.png", indices, 2, 3, palette);
  const test::Bytes expected = {1, 2, 3, 40, 50, 60, 7, 8, 9, 7, 8, 9, 7, 8, 9, 40, 50, 60};
  EXPECT_EQ(read_image(folder / "labels.png").pixels, expected);
}

TEST(ImageWriter, Grey16KeepsTheHighByteForPeople) {
  const test::TempFolder folder;
  const std::vector<std::uint16_t> levels = {0x0102, 0xFEFF};
  write_grey16_png(folder / "grey.png", levels, 1, 2);
  EXPECT_EQ(read_image(folder / "grey.png").pixels, (test::Bytes{1, 1, 1, 0xFE, 0xFE, 0xFE}));
}

// libpng, which writes none of these files, reads the same samples back; it checks every checksum on the way.
TEST(ImageWriter, AnySizeReadsBackAsWritten) {
  const test::TempFolder folder;
  std::mt19937 generator(8);
  const Palette palette = distinct_palette(200);
  for (const auto& [height, width] : {std::pair(1, 1), {1, 2}, {3, 1}, {2, 701}, {97, 64}, {300, 411}}) {
    for (const bool is_noise : {false, true}) {
      SCOPED_TRACE(std::to_string(height) + " x " + std::to_string(width) + (is_noise ? ", noise" : ""));
      const auto sample = [&](std::size_t i) {
        return is_noise ? static_cast<std::uint16_t>(generator()) : static_cast<std::uint16_t>(i / 37 * 257);
      };
      Image image(height, width);
      for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(sample(i));
      write_png(folder / "rgb.png", image);
      EXPECT_EQ(read_image(folder / "rgb.png").pixels, image.pixels);
      LabelMap map(height, width);
      for (std::size_t i = 0; i < map.labels.size(); ++i) map.labels[i] = sample(i) % 201 - 1;
      write_mask(folder / "mask.png", map, 200, palette);
      EXPECT_EQ(read_mask(folder / "mask.png").labels, map.labels);
      write_mask_preview(folder / "preview.png", map, palette);
      EXPECT_EQ(read_image(folder / "mask.png").pixels, read_image(folder / "preview.png").pixels);
      for (std::size_t i = 0; i < map.labels.size(); ++i) map.labels[i] = sample(i) % 60001 - 1;
      write_mask(folder / "mask16.png", map, 60000, palette);
      EXPECT_EQ(read_mask(folder / "mask16.png").labels, map.labels);
    }
  }
}

TEST(ImageWriter, RefusesWrongSizesAndPaths) {
  const test::TempFolder folder;
  const std::vector<std::uint8_t> six(6);
  const auto write = [&](int height, int width) {
    return test::error_of<UsageError>([&] { write_palette_png(folder / "x.png", six, height, width, {}); });
  };
  test::expect_mentions(write(2, 2), {"x.png", "6 pixels", "2 x 2"});
  test::expect_mentions(write(1, 4), {"x.png"});
  test::expect_mentions(write(0, 3), {"x.png"});
  test::expect_mentions(write(-2, -3), {"x.png"});
  EXPECT_THROW(write_png(folder / "x.png", Image()), UsageError);
  const auto missing = folder / "no/such/folder.png";
  const std::string text = test::error_of<SystemError>([&] { write_png(missing, Image(1, 1)); });
  test::expect_mentions(text, {missing.string(), "No such file"});
}

TEST(ImageWriter, FullDiskIsAnError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  EXPECT_THROW(write_png("/dev/full", test::test_picture(300, 300)), SystemError);
  EXPECT_THROW(write_png("/dev/full", Image(1, 1)), SystemError);  // fits the buffer: fails when it is closed
}

int squared_distance(const Colour& a, const Colour& b) {
  const int red = a.red - b.red;
  const int green = a.green - b.green;
  const int blue = a.blue - b.blue;
  return red * red + green * green + blue * blue;
}

int closest_pair(const std::vector<Colour>& colours) {
  int closest = std::numeric_limits<int>::max();
  for (std::size_t i = 0; i < colours.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) closest = std::min(closest, squared_distance(colours[i], colours[j]));
  }
  return closest;
}

TEST(Palette, ColoursAreDistinct) {
  EXPECT_GT(closest_pair(distinct_palette(8).colours), 80 * 80);
  EXPECT_GT(closest_pair(distinct_palette(27).colours), 40 * 40);
  EXPECT_GT(closest_pair(distinct_palette(256).colours), 10 * 10);
  EXPECT_GT(closest_pair(distinct_palette(1024).colours), 0);
}

TEST(Palette, SmallerOnesBeginLargerOnesAndAvoidBlackAndWhite) {
  const auto large = distinct_palette(256).colours;
  const auto small = distinct_palette(27).colours;
  EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin()));
  for (const auto& colour : large) {
    EXPECT_GT(squared_distance(colour, {0, 0, 0}), 70 * 70);
    EXPECT_GT(squared_distance(colour, {255, 255, 255}), 40 * 40);
  }
}

TEST(Palette, LabelsBeyondItStartOver) {
  const Palette palette = distinct_palette(5);
  EXPECT_EQ(palette.of(7), palette.colours[2]);
  EXPECT_EQ(palette.of(-1), (Colour{0, 0, 0}));
  EXPECT_EQ(Palette{}.of(3), (Colour{0, 0, 0}));
  EXPECT_TRUE(distinct_palette(0).colours.empty());
  EXPECT_THROW((void)distinct_palette(-1), UsageError);
  EXPECT_THROW((void)distinct_palette(1025), UsageError);
}

TEST(Palette, ThereIsOneForAnyNumberOfLabels) {
  EXPECT_EQ(label_palette(5).colours, distinct_palette(5).colours);
  EXPECT_EQ(label_palette(65'535).colours, distinct_palette(1024).colours);
  EXPECT_TRUE(label_palette(-1).colours.empty());
}

TEST(Palette, FurtherColoursStayAwayFromTheOnesThatAreTaken) {
  // Two of them alike, black and white too: whatever a data set has.
  const Palette taken{{{128, 64, 128}, {128, 64, 130}, {0, 0, 0}, {255, 255, 255}, {107, 142, 35}, {70, 130, 180}}, {}};
  const auto all = extended_palette(taken, 12).colours;
  ASSERT_EQ(all.size(), 18U);
  EXPECT_TRUE(std::equal(taken.colours.begin(), taken.colours.end(), all.begin())) << "these stay as they are";
  for (std::size_t i = taken.colours.size(); i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_GT(squared_distance(all[i], all[j]), 40 * 40) << i << " " << j;
  }
  EXPECT_EQ(extended_palette({}, 5).colours, distinct_palette(5).colours);
  EXPECT_EQ(extended_palette(taken, 5000).colours.size(), 1024U + 6U);
}

}  // namespace image_writer_test
}  // namespace datus
