// SPDX-License-Identifier: Apache-2.0
#include "datus/io/mask_file.hpp"

#include "datus/io/image_reader.hpp"
#include "datus/io/image_writer.hpp"
#include "image_test_support.hpp"

#include <png.h>

namespace datus {
namespace mask_file_test {

LabelMap labels_up_to(int clusters, int height, int width) {
  LabelMap map(height, width);
  for (std::size_t i = 0; i < map.labels.size(); ++i) {
    map.labels[i] = static_cast<std::int32_t>((i * 7919) % static_cast<std::size_t>(clusters + 1)) - 1;
  }
  map.labels.front() = clusters - 1;
  return map;
}

TEST(MaskFile, RoundTrip) {
  const test::TempFolder folder;
  const Palette palette = distinct_palette(27);
  for (const int clusters : {1, 2, 27, 254, 255, 256, 300, 5000, 65535}) {
    const LabelMap map = labels_up_to(clusters, 37, 53);
    write_mask(folder / "mask.png", map, clusters, palette);
    const LabelMap read = read_mask(folder / "mask.png");
    EXPECT_EQ(read.height, 37);
    EXPECT_EQ(read.width, 53);
    EXPECT_EQ(read.labels, map.labels) << clusters;
    const test::Bytes bytes = test::read_file(folder / "mask.png");
    EXPECT_EQ(bytes[24], clusters <= 255 ? 8 : 16) << clusters;                                        // bit depth
    EXPECT_EQ(bytes[25], clusters <= 255 ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_GRAY) << clusters;  // colour type
  }
}

TEST(MaskFile, SameLabelsSameBytes) {
  const test::TempFolder folder;
  for (const int clusters : {27, 300}) {
    const LabelMap map = labels_up_to(clusters, 20, 20);
    write_mask(folder / "a.png", map, clusters, distinct_palette(27));
    write_mask(folder / "b.png", map, clusters, distinct_palette(27));
    EXPECT_EQ(test::read_file(folder / "a.png"), test::read_file(folder / "b.png"));
  }
}

TEST(MaskFile, ColoursAreThoseOfThePreview) {
  const test::TempFolder folder;
  const Palette palette = distinct_palette(10);  // fewer than the clusters: it starts over
  const LabelMap map = labels_up_to(27, 12, 15);
  write_mask(folder / "mask.png", map, 27, palette);
  write_mask_preview(folder / "preview.png", map, palette);
  const Image shown = read_image(folder / "mask.png");
  EXPECT_EQ(shown.pixels, read_image(folder / "preview.png").pixels);
  const Colour first = palette.of(26);
  EXPECT_EQ((Colour{shown.pixels[0], shown.pixels[1], shown.pixels[2]}), first);
  EXPECT_FALSE(needs_preview(255));
  EXPECT_TRUE(needs_preview(256));
}

TEST(MaskFile, RefusesLabelsOutsideTheClusters) {
  const test::TempFolder folder;
  LabelMap map(3, 4, 0);
  map.labels[6] = 27;
  const std::string text = test::error_of<UsageError>([&] { write_mask(folder / "m.png", map, 27, {}); });
  test::expect_mentions(text, {"m.png", "label 27", "row 1, column 2", "27 clusters"});
  map.labels[6] = -2;
  EXPECT_THROW(write_mask(folder / "m.png", map, 300, {}), UsageError);
  EXPECT_THROW(write_mask(folder / "m.png", LabelMap(1, 1), 0, {}), UsageError);
  EXPECT_THROW(write_mask(folder / "m.png", LabelMap(1, 1), 65536, {}), UsageError);
  EXPECT_FALSE(std::filesystem::exists(folder / "m.png"));
}

/// Values of a golden one-channel PNG, expanded to 8 bits by the image reader, must be the raw ones times a factor.
TEST(MaskFile, ReadsRawValuesOfOtherBitDepths) {
  const std::string path = test::data_path("golden/preprocess/bilevel.png");
  const LabelMap map = read_mask(path);
  const Image image = read_image(path);
  ASSERT_EQ(map.labels.size() * 3, image.pixels.size());
  int ones = 0;
  for (std::size_t i = 0; i < map.labels.size(); ++i) {
    ASSERT_EQ(map.labels[i] * 255, image.pixels[3 * i]);
    ones += map.labels[i];
  }
  EXPECT_GT(ones, 0);
}

TEST(MaskFile, ReadsSixteenBitsWhole) {
  const test::TempFolder folder;
  const std::vector<std::uint16_t> levels = {0, 255, 256, 65534, 65535, 4660};
  write_grey16_png(folder / "m.png", levels, 2, 3);
  EXPECT_EQ(read_mask(folder / "m.png").labels, (std::vector<std::int32_t>{0, 255, 256, 65534, -1, 4660}));
}

TEST(MaskFile, RefusesColoursAndOtherFiles) {
  const test::TempFolder folder;
  const auto reason = [](const std::filesystem::path& path) {
    const std::string text = test::error_of<InputError>([&] { (void)read_mask(path); });
    test::expect_mentions(text, {path.string()});
    return text;
  };
  write_png(folder / "colours.png", Image(2, 2));
  test::expect_mentions(reason(folder / "colours.png"), {"colours"});
  test::expect_mentions(reason(test::data_path("golden/preprocess/grey_alpha.png")), {"colours, or has alpha"});
  test::expect_mentions(reason(test::data_path("golden/preprocess/grey.jpg")), {"not a PNG"});
  test::expect_mentions(reason(folder / "missing.png"), {"no such file"});
}

}  // namespace mask_file_test
}  // namespace datus
