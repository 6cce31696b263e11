// SPDX-License-Identifier: Apache-2.0
// Files of many kinds, made by tests/data/images/make.py, against what Pillow makes of them.

#include "datus/core/philox.hpp"
#include "datus/io/image_reader.hpp"
#include "image_test_support.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace image_types_test {

using test::Bytes;
using test::GoldenTensor;

std::string path_of(const std::string& name) {
  return test::data_path("images/" + name);
}

const std::map<std::string, GoldenTensor>& expected() {
  static const auto tensors = test::read_golden("images/expected.safetensors");
  return tensors;
}

bool reads(const std::string& type) {
  return readable_image_types(", ").find(type) != std::string::npos;
}

/// Of the files that end so.
std::vector<std::string> names_with(const std::string& ending) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : expected()) {
    if (name.ends_with(ending)) names.push_back(name);
  }
  return names;
}

void expect_pixels(const std::string& name, const std::string& entry, Orientation orientation, int tolerance) {
  const GoldenTensor& wanted = expected().at(entry);
  const Image image = read_image(path_of(name), orientation);
  const ImageHeader header = read_image_header(path_of(name), orientation);
  ASSERT_EQ(image.height, wanted.shape[0]) << entry;
  ASSERT_EQ(image.width, wanted.shape[1]) << entry;
  EXPECT_EQ(header.height, image.height) << entry;
  EXPECT_EQ(header.width, image.width) << entry;
  EXPECT_LE(test::largest_difference(image.pixels, wanted.as<std::uint8_t>()), tolerance) << entry;
}

/// Every file of a type, as stored and upright.
void expect_as_pillow(const std::string& ending, std::size_t at_least, const std::map<std::string, int>& tolerances) {
  const auto names = names_with(ending);
  ASSERT_GE(names.size(), at_least);
  for (const std::string& name : names) {
    const auto found = tolerances.find(name);
    const int tolerance = found != tolerances.end() ? found->second : ending == ".jpg" ? 3 : 0;
    const std::string upright = name + ".upright";
    expect_pixels(name, name, Orientation::stored, tolerance);
    expect_pixels(name, expected().contains(upright) ? upright : name, Orientation::exif, tolerance);
  }
}

TEST(ImageTypes, OrientationsOfJpegsAndPngs) {
  expect_as_pillow(".jpg", 6, {});
  ASSERT_EQ(names_with(".png.upright").size(), 7U);
  ASSERT_EQ(names_with(".jpg.upright").size(), 5U);
}

TEST(ImageTypes, PngsOfSixteenBitsThatUseFewer) {
  expect_as_pillow(".png", 16, {});
}

TEST(ImageTypes, Tiff) {
  if (!reads("TIFF")) GTEST_SKIP() << "this build reads no TIFF";
  expect_as_pillow(".tif", 19, {{"jpeg.tif", 3}, {"cmyk.tif", 1}});
  ASSERT_EQ(names_with(".tif.upright").size(), 4U);
  EXPECT_TRUE(read_image_header(path_of("pages.tif")).has_more);
  EXPECT_FALSE(read_image_header(path_of("rgb.tif")).has_more);
}

TEST(ImageTypes, TiffsThatAreNoPicture) {
  if (!reads("TIFF")) GTEST_SKIP() << "this build reads no TIFF";
  const auto complaint = [](const std::string& name) {
    return test::error_of<InputError>([&] { (void)read_image(path_of(name)); });
  };
  test::expect_mentions(complaint("float.tif"), {"float.tif", "32-bit floating-point"});
  test::expect_mentions(complaint("preview.tif"), {"preview.tif", "raw image"});
}

TEST(ImageTypes, WebP) {
  if (!reads("WebP")) GTEST_SKIP() << "this build reads no WebP";
  expect_as_pillow(".webp", 7, {});
  ASSERT_EQ(names_with(".webp.upright").size(), 2U);
  EXPECT_TRUE(read_image_header(path_of("animated.webp")).has_more);
  EXPECT_FALSE(read_image_header(path_of("lossy.webp")).has_more);
}

TEST(ImageTypes, WithoutTheirLibrariesTheyAreNamed) {
  for (const auto& [name, type] : {std::pair("rgb.tif", "TIFF"), std::pair("lossy.webp", "WebP")}) {
    if (reads(type)) continue;
    test::expect_mentions(test::error_of<InputError>([&, n = std::string(name)] { (void)read_image(path_of(n)); }),
                          {"there is no JPEG, PNG", type});
  }
}

/// Whether the bytes can be read; what is thrown must be an `InputError`.
bool is_readable(const std::filesystem::path& path, const Bytes& bytes, Orientation orientation) {
  test::write_file(path, bytes);
  try {
    const Image image = read_image(path, orientation);
    EXPECT_EQ(image.width, read_image_header(path, orientation).width);
    return true;
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    return false;
  }
}

TEST(ImageTypes, DamagedFiles) {
  const test::TempFolder folder;
  for (const char* ending : {".tif", ".webp"}) {
    for (const std::string& name : names_with(ending)) {
      const Bytes bytes = test::read_file(path_of(name));
      for (std::uint32_t round = 0; round < 80; ++round) {
        Bytes changed = bytes;
        const auto places = philox({round, 0, 0, 0}, {7, 1});
        const auto values = philox({round, 1, 0, 0}, {7, 1});
        for (std::size_t i = 0; i <= values[3] % 4; ++i) {
          changed[places[i] % changed.size()] = static_cast<std::uint8_t>(values[i] >> 8U);
        }
        (void)is_readable(folder / "changed", changed, Orientation::exif);
      }
    }
  }
}

TEST(ImageTypes, TruncatedFiles) {
  const test::TempFolder folder;
  for (const auto& [name, type] :
       {std::pair("lossless.webp", "WebP"), std::pair("exif.webp", "WebP"), std::pair("animated.webp", "WebP"),
        std::pair("jpeg.tif", "TIFF"), std::pair("lzw.tif", "TIFF"), std::pair("grey.tif", "TIFF")}) {
    if (!reads(type)) continue;
    const Bytes bytes = test::read_file(path_of(name));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_FALSE(is_readable(folder / "cut", part, Orientation::stored))
          << name << ", " << size << " of " << bytes.size() << " bytes";
    }
    ASSERT_TRUE(is_readable(folder / "whole", bytes, Orientation::stored)) << name;
  }
}

/// Neither type may ask for all memory.
TEST(ImageTypes, HugeSizes) {
  const test::TempFolder folder;
  const auto expect_refusal = [&](const Bytes& bytes, const std::string& size) {
    const auto path = test::write_file(folder / "huge", bytes);
    test::expect_mentions(test::error_of<InputError>([&] { (void)read_image(path); }), {"too large", size});
    test::expect_mentions(test::error_of<InputError>([&] { (void)read_image_header(path); }), {"too large", size});
  };
  if (reads("TIFF")) {
    Bytes bytes = test::read_file(path_of("grey.tif"));
    const Bytes tag = {0, 1};  // width, whose value are the last four bytes of its entry
    const auto at = std::search(bytes.begin() + 8, bytes.end(), tag.begin(), tag.end());
    at[2] = 4;  // LONG
    std::fill_n(at + 8, 4, std::uint8_t{0x7F});
    expect_refusal(bytes, "2139062143");
  }
  if (reads("WebP")) {
    Bytes bytes = test::read_file(path_of("animated.webp"));
    constexpr std::ptrdiff_t canvas = 24;  // width and height less 1, of three bytes each
    for (const int i : {0, 1, 3, 4}) bytes.at(static_cast<std::size_t>(canvas + i)) = i % 3 == 0 ? 0xFE : 0xFF;
    expect_refusal(bytes, "65535");
  }
}

}  // namespace image_types_test
}  // namespace datus
