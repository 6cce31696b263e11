// SPDX-License-Identifier: Apache-2.0
// Damaged files: an error that names the file, or a picture, but never a crash. Run them under the sanitizers.

#include "datus/core/philox.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/image_writer.hpp"
#include "datus/io/mask_file.hpp"
#include "image_test_support.hpp"

#include <cstdint>
#include <string>

namespace datus {
namespace image_damage_test {

using test::Bytes;

Bytes golden(const std::string& file) {
  return test::read_file(test::data_path("golden/preprocess/" + file));
}

/// Tries to read `bytes`; whether that worked. What is thrown must be an `InputError`.
bool is_readable(const std::filesystem::path& path, const Bytes& bytes) {
  test::write_file(path, bytes);
  try {
    const Image image = read_image(path, Orientation::exif);
    const ImageHeader header = read_image_header(path, Orientation::exif);
    EXPECT_EQ(image.width, header.width);
    EXPECT_EQ(image.height, header.height);
    return true;
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    return false;
  }
}

/// Every shorter version of a file must be refused: with all lengths near both ends, and some between.
void expect_all_truncations_fail(const Bytes& bytes) {
  const test::TempFolder folder;
  for (std::size_t size = 0; size < bytes.size(); size += size < 700 || size + 300 > bytes.size() ? 1 : 97) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(is_readable(folder / "cut", part)) << size << " of " << bytes.size() << " bytes";
  }
  ASSERT_TRUE(is_readable(folder / "whole", bytes));
}

TEST(ImageDamage, TruncatedJpeg) {
  // Of one scan with Huffman codes, the end marker may be missing.
  for (const char* name : {"cmyk.jpg", "exif6.jpg"}) {
    Bytes bytes = golden(name);
    bytes.resize(bytes.size() - 2);
    expect_all_truncations_fail(bytes);
  }
  expect_all_truncations_fail(golden("photo_444_progressive.jpg"));
}

TEST(ImageDamage, TruncatedPng) {
  expect_all_truncations_fail(golden("bilevel.png"));
  const test::TempFolder folder;
  write_png(folder / "picture.png", test::test_picture(9, 12));
  expect_all_truncations_fail(test::read_file(folder / "picture.png"));
}

/// An end marker behind the cut must not hide it.
TEST(ImageDamage, TruncatedJpegWithAnEnd) {
  const test::TempFolder folder;
  for (const std::string file : {"photo_420.jpg", "grey.jpg", "photo_444_progressive.jpg"}) {
    Bytes bytes = golden(file);
    bytes.resize(bytes.size() / 2);
    bytes.insert(bytes.end(), {0xFF, 0xD9});
    EXPECT_FALSE(is_readable(folder / file, bytes)) << file;
  }
}

/// libjpeg reports its first warning only: a harmless one must not hide the cut.
TEST(ImageDamage, TruncatedJpegWithStrayBytes) {
  const test::TempFolder folder;
  Bytes bytes = test::with_stray_bytes(golden("photo_420.jpg"));
  EXPECT_TRUE(is_readable(folder / "whole", bytes));
  bytes.resize(bytes.size() / 2);
  EXPECT_FALSE(is_readable(folder / "cut", bytes));
}

/// Changes one to four bytes, at places that Philox chooses, `rounds` times.
void try_mutations(const Bytes& bytes, std::uint32_t rounds) {
  const test::TempFolder folder;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    Bytes changed = bytes;
    const auto places = philox({round, 0, 0, 0}, {7, 1});
    const auto values = philox({round, 1, 0, 0}, {7, 1});
    for (std::size_t i = 0; i <= values[3] % 4; ++i) {
      changed[places[i] % changed.size()] = static_cast<std::uint8_t>(values[i] >> 8U);
    }
    (void)is_readable(folder / "changed", changed);
  }
}

TEST(ImageDamage, ChangedBytes) {
  for (const std::string file : {"photo_422.jpg", "photo_444_progressive.jpg", "cmyk.jpg", "exif3.jpg"}) {
    try_mutations(golden(file), 60);
  }
  for (const std::string file : {"palette_transparent.png", "bilevel.png", "rgb16.png", "alpha.png"}) {
    try_mutations(golden(file), 120);
  }
}

/// The segments before the pixels decide on sizes and tables: change each of their bytes.
TEST(ImageDamage, ChangedHeaders) {
  const test::TempFolder folder;
  for (const std::string file : {"grey.jpg", "exif6.jpg", "palette_transparent.png"}) {
    const Bytes bytes = golden(file);
    for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 400); ++i) {
      Bytes changed = bytes;
      changed[i] ^= 0x81U;
      (void)is_readable(folder / "changed", changed);
    }
  }
}

TEST(ImageDamage, ChangedMasks) {
  const test::TempFolder folder;
  LabelMap labels(8, 9, 3);
  for (const int clusters : {27, 300}) {
    const auto path = folder / "mask.png";
    write_mask(path, labels, clusters, distinct_palette(27));
    const Bytes bytes = test::read_file(path);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      Bytes changed = bytes;
      changed[i] ^= 0x5AU;
      test::write_file(path, changed);
      try {
        EXPECT_EQ(read_mask(path).labels.size(), 72U);
      } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("mask.png"), std::string::npos);
      }
      const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(i));
      test::write_file(path, part);
      EXPECT_THROW((void)read_mask(path), InputError) << i;
    }
  }
}

}  // namespace image_damage_test
}  // namespace datus
