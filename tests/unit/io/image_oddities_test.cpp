// SPDX-License-Identifier: Apache-2.0
// JPEGs that libjpeg reads with a warning of what does not matter, and files that are no image.

#include "datus/io/image_reader.hpp"
#include "image_test_support.hpp"

#include <string>
#include <utility>

namespace datus {
namespace image_oddities_test {

using namespace std::string_literals;
using test::Bytes;

Bytes golden(const std::string& file) {
  return test::read_file(test::data_path("golden/preprocess/" + file));
}

Image read_bytes(const Bytes& bytes) {
  const test::TempFolder folder;
  return read_image(test::write_file(folder / "image", bytes));
}

std::ptrdiff_t place_of(const Bytes& bytes, const Bytes& part) {
  return std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) - bytes.begin();
}

/// With other values for the first scan's Ss, Se and Ah | Al (T.81, B.2.3).
Bytes with_scan_parameters(Bytes bytes, const Bytes& parameters) {
  const auto scan = place_of(bytes, {0xFF, 0xDA});
  const auto length = bytes.at(static_cast<std::size_t>(scan) + 3);
  std::ranges::copy(parameters, bytes.begin() + scan + 2 + length - 3);
  return bytes;
}

/// With an Adobe segment of that colour transform in place of JFIF's.
Bytes with_transform(const Bytes& bytes, std::uint8_t transform) {
  constexpr std::ptrdiff_t jfif_size = 18;
  Bytes result = {0xFF, 0xD8, 0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform};
  result.insert(result.end(), bytes.begin() + 2 + jfif_size, bytes.end());
  return result;
}

/// The first half, with an end marker that hides the cut.
Bytes cut(Bytes bytes) {
  bytes.resize(bytes.size() / 2);
  bytes.insert(bytes.end(), {0xFF, 0xD9});
  return bytes;
}

TEST(ImageOddities, ParametersOfASequentialScanAreIgnored) {
  const Bytes jpeg = golden("photo_420.jpg");
  const Image expected = read_bytes(jpeg);
  for (const Bytes& parameters : {Bytes{0, 0, 0}, Bytes{0, 63, 1}, Bytes{1, 5, 0x21}}) {
    const Bytes odd = with_scan_parameters(jpeg, parameters);
    ASSERT_NE(odd, jpeg);
    EXPECT_EQ(read_bytes(odd).pixels, expected.pixels);
    EXPECT_THROW((void)read_bytes(cut(odd)), InputError);
  }
}

TEST(ImageOddities, AnUnknownTransformIsTheUsualOne) {
  const Bytes jpeg = golden("photo_420.jpg");
  const Image expected = read_bytes(jpeg);
  for (const std::uint8_t transform : Bytes{1, 2, 77}) {
    EXPECT_EQ(read_bytes(with_transform(jpeg, transform)).pixels, expected.pixels) << int{transform};
  }
  EXPECT_NE(read_bytes(with_transform(jpeg, 0)).pixels, expected.pixels) << "0 is known: no transform";
  EXPECT_THROW((void)read_bytes(cut(with_transform(jpeg, 77))), InputError);

  Bytes inks = golden("cmyk.jpg");
  const auto transform = static_cast<std::size_t>(place_of(inks, {'A', 'd', 'o', 'b', 'e'})) + 11;
  ASSERT_EQ(inks.at(transform), 0);
  const Image plain = read_bytes(inks);
  inks.at(transform) = 2;
  const Image with_luma = read_bytes(inks);
  EXPECT_NE(with_luma.pixels, plain.pixels);
  inks.at(transform) = 9;
  EXPECT_EQ(read_bytes(inks).pixels, with_luma.pixels);
}

TEST(ImageOddities, AnUnknownRevisionOfJfif) {
  Bytes jpeg = golden("photo_420.jpg");
  const Image expected = read_bytes(jpeg);
  jpeg.at(static_cast<std::size_t>(place_of(jpeg, {'J', 'F', 'I', 'F'})) + 5) = 3;
  EXPECT_EQ(read_bytes(jpeg).pixels, expected.pixels);
  EXPECT_THROW((void)read_bytes(cut(jpeg)), InputError);
}

// As frames of cameras are; the last bytes of the pixels are not optional.
TEST(ImageOddities, AMissingEndMarker) {
  for (const char* name : {"photo_420.jpg", "cmyk.jpg"}) {
    Bytes jpeg = golden(name);
    const Image expected = read_bytes(jpeg);
    ASSERT_EQ((Bytes{jpeg.end() - 2, jpeg.end()}), (Bytes{0xFF, 0xD9}));
    jpeg.pop_back();
    EXPECT_EQ(read_bytes(jpeg).pixels, expected.pixels) << name;
    jpeg.pop_back();
    EXPECT_EQ(read_bytes(jpeg).pixels, expected.pixels) << name;
    for (int i = 0; i < 20; ++i) {
      jpeg.pop_back();
      const Bytes& shorter = jpeg;
      test::expect_mentions(test::error_of<InputError>([&] { (void)read_bytes(shorter); }), {"the JPEG is truncated"});
    }
  }
}

TEST(ImageOddities, ContentThatIsNoImageIsNamed) {
  const std::vector<std::pair<std::string, std::string>> contents = {
      {"GIF89a\x01\0"s, "a GIF image"},
      {"\0\0\0\x18"s + "ftypheic\0\0\0\0"s, "a HEIC image"},
      {"\0\0\0\x18"s + "ftypmif1\0\0\0\0"s, "a HEIC image"},
      {"\0\0\0\x1c"s + "ftypavif\0\0\0\0"s, "an AVIF image"},
      {"<!DOCTYPE html><html>not found</html>", "a web page (HTML)"},
      {"\xef\xbb\xbf\n <HTML lang=\"de\">\xc3\xa4</HTML>", "a web page (HTML)"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a pointer of Git LFS"},
      {"{\"error\": 404}\r\n", "but text"},
      {"\x01\x02\x03\x04"s, "not that of a JPEG, PNG"},
      {"", "empty"},
  };
  const test::TempFolder folder;
  for (const auto& [bytes, name] : contents) {
    const auto path = test::write_text(folder / "photo.jpg", bytes);
    test::expect_mentions(test::error_of<InputError>([&] { (void)read_image(path); }), {path.string(), name});
    test::expect_mentions(test::error_of<InputError>([&] { (void)read_image_header(path); }), {name});
  }
}

}  // namespace image_oddities_test
}  // namespace datus
