// SPDX-License-Identifier: Apache-2.0
// What is decoded without libpng is what libpng makes of it; all else is left to libpng.

#include "io/images/simple_png.hpp"

#include "image_test_support.hpp"
#include "io/images/byte_view.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <png.h>
#include <zlib.h>

namespace datus::io_detail {
namespace simple_png_test {

using test::Bytes;
using Random = std::mt19937;

unsigned below(Random& random, unsigned limit) {
  return static_cast<unsigned>(random() % limit);
}

struct Kind {
  int colour_type;
  int bit_depth;
  int interlace = PNG_INTERLACE_NONE;
};

/// A file by libpng, with rows that repeat themselves, whatever filters, and some texts before and behind the pixels.
Bytes written(const Kind& kind, unsigned width, unsigned height, Random& random) {
  Bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  const auto append = [](png_structp from, png_bytep bytes, std::size_t count) {
    auto& to = *static_cast<Bytes*>(png_get_io_ptr(from));
    to.insert(to.end(), bytes, bytes + count);
  };
  png_set_write_fn(png, &file, append, [](png_structp) {});
  png_set_IHDR(png, info, width, height, kind.bit_depth, kind.colour_type, kind.interlace, PNG_COMPRESSION_TYPE_BASE,
               PNG_FILTER_TYPE_BASE);
  const std::array<png_color, 256> palette{};
  if (kind.colour_type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette.data(), 1 << kind.bit_depth);
  std::string key = "Comment";
  std::string text = "labels";
  png_text comment{};
  comment.compression = PNG_TEXT_COMPRESSION_NONE;
  comment.key = key.data();
  comment.text = text.data();
  if (below(random, 2) == 0) png_set_text(png, info, &comment, 1);
  png_set_filter(png, PNG_FILTER_TYPE_BASE,
                 static_cast<int>(below(random, 5) == 0 ? PNG_ALL_FILTERS : 8U << below(random, 5)));
  png_set_compression_buffer_size(png, below(random, 3) == 0 ? 40 : 8192);  // the size of IDAT chunks
  png_write_info(png, info);
  if (below(random, 2) == 0) png_set_text(png, info, &comment, 1);
  std::vector<Bytes> rows(height, Bytes(png_get_rowbytes(png, info)));
  for (std::size_t y = 0; y < rows.size(); ++y) {
    const bool repeats = y > 0 && below(random, 3) != 0;
    if (repeats) rows[y] = rows[y - 1];
    for (auto& byte : rows[y]) {
      if (!repeats || below(random, 9) == 0) byte = static_cast<std::uint8_t>(random());
    }
  }
  std::vector<png_bytep> pointers;
  for (Bytes& row : rows) pointers.push_back(row.data());
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

/// Whether its header says so, sound or not.
bool has_rgb(const Bytes& file) {
  return file.size() > 25 && file[25] == PNG_COLOR_TYPE_RGB;
}

IndexImage bytes_of(Image image) {
  return {.height = image.height, .width = image.width, .values = std::move(image.pixels)};
}

/// Nothing where libpng refuses the file, or would take much memory for it first.
std::optional<IndexImage> by_libpng(const Bytes& file) {
  constexpr std::uint64_t most_pixels = 100'000;
  if (file.size() < 33 || std::uint64_t{ByteView(file).big32(16)} * ByteView(file).big32(20) > most_pixels) return {};
  try {
    return has_rgb(file) ? bytes_of(decode_png(file)) : decode_index_png(file);
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

std::optional<IndexImage> by_datus(const Bytes& file) {
  if (!has_rgb(file)) return decode_simple_png(file);
  auto image = decode_simple_rgb_png(file);
  return image ? std::optional(bytes_of(*std::move(image))) : std::nullopt;
}

/// Whether it was decoded without libpng, which must then make the same of it.
bool is_simple(const Bytes& file, const std::string& what) {
  const auto simple = by_datus(file);
  if (!simple) return false;
  const auto expected = by_libpng(file);
  EXPECT_TRUE(expected.has_value()) << "libpng refuses " << what;
  if (!expected) return true;
  EXPECT_EQ(simple->height, expected->height) << what;
  EXPECT_EQ(simple->width, expected->width) << what;
  EXPECT_EQ(simple->values, expected->values) << what;
  return true;
}

/// Begin of each chunk of a sound file.
std::vector<std::size_t> chunks_of(const Bytes& file) {
  std::vector<std::size_t> begins;
  for (std::size_t at = 8; at + 12 <= file.size(); at += 12 + ByteView(file).big32(at)) begins.push_back(at);
  return begins;
}

void set_checksum(Bytes& file, std::size_t chunk) {
  const std::size_t length = ByteView(file).big32(chunk);
  const auto sum = static_cast<std::uint32_t>(crc32(0, &file[chunk + 4], static_cast<uInt>(length + 4)));
  for (std::size_t i = 0; i < 4; ++i) file[chunk + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
}

const std::vector<Kind>& simple_kinds() {
  static const std::vector<Kind> kinds = {{PNG_COLOR_TYPE_GRAY, 1},    {PNG_COLOR_TYPE_GRAY, 2},
                                          {PNG_COLOR_TYPE_GRAY, 4},    {PNG_COLOR_TYPE_GRAY, 8},
                                          {PNG_COLOR_TYPE_GRAY, 16},   {PNG_COLOR_TYPE_PALETTE, 1},
                                          {PNG_COLOR_TYPE_PALETTE, 2}, {PNG_COLOR_TYPE_PALETTE, 4},
                                          {PNG_COLOR_TYPE_PALETTE, 8}, {PNG_COLOR_TYPE_RGB, 8}};
  return kinds;
}

TEST(SimplePng, IsDecodedAsByLibpng) {
  Random random(1);
  for (const Kind& kind : simple_kinds()) {
    for (int round = 0; round < 60; ++round) {
      const Bytes file = written(kind, 1 + below(random, 70), 1 + below(random, 40), random);
      EXPECT_TRUE(is_simple(file, "a sound file")) << kind.colour_type << ", " << kind.bit_depth << ", " << round;
    }
  }
}

TEST(SimplePng, OthersAreLeftToLibpng) {
  Random random(2);
  for (const Kind& kind : {Kind{PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_ADAM7}, Kind{PNG_COLOR_TYPE_GRAY_ALPHA, 8},
                           Kind{PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7}, Kind{PNG_COLOR_TYPE_RGB, 16},
                           Kind{PNG_COLOR_TYPE_RGB_ALPHA, 8}}) {
    EXPECT_FALSE(decode_simple_png(written(kind, 9, 9, random)));
    EXPECT_FALSE(decode_simple_rgb_png(written(kind, 9, 9, random)));
  }
  EXPECT_FALSE(decode_simple_png(written({PNG_COLOR_TYPE_RGB, 8}, 9, 9, random)));
  EXPECT_FALSE(decode_simple_rgb_png(written({PNG_COLOR_TYPE_GRAY, 8}, 9, 9, random)));
  EXPECT_FALSE(decode_simple_png({}));
  // A header that promises more pixels than its stream can hold.
  Bytes file = written({PNG_COLOR_TYPE_GRAY, 8}, 5, 5, random);
  file[16 + 2] = file[20 + 2] = 8;
  set_checksum(file, 8);
  EXPECT_FALSE(decode_simple_png(file));
  EXPECT_FALSE(by_libpng(file));
}

/// One change to a sound file; mostly its checksums fit again, so that what stands in its chunks is looked at.
Bytes changed(Bytes file, Random& random) {
  const auto chunks = chunks_of(file);
  const std::size_t chunk = chunks[below(random, static_cast<unsigned>(chunks.size()))];
  const std::size_t size = 12 + ByteView(file).big32(chunk);
  const auto begin = file.begin() + static_cast<std::ptrdiff_t>(chunk);
  switch (below(random, 6)) {
    case 0:  // anywhere
      file[below(random, static_cast<unsigned>(file.size()))] ^= static_cast<std::uint8_t>(1 + below(random, 255));
      return file;
    case 1:  // without one chunk
      file.erase(begin, begin + static_cast<std::ptrdiff_t>(size));
      return file;
    case 2: {  // a chunk twice, or in another place
      const Bytes copy(begin, begin + static_cast<std::ptrdiff_t>(size));
      const std::size_t to = chunks[below(random, static_cast<unsigned>(chunks.size()))];
      file.insert(file.begin() + static_cast<std::ptrdiff_t>(to), copy.begin(), copy.end());
      return file;
    }
    case 3:
      file.resize(below(random, static_cast<unsigned>(file.size())));
      return file;
    case 4:  // in a name
      file[chunk + 4 + below(random, 4)] ^=
          static_cast<std::uint8_t>(below(random, 2) == 0 ? 0x20 : 1 + below(random, 255));
      set_checksum(file, chunk);
      return file;
    default:  // in its data
      if (size > 12)
        file[chunk + 8 + below(random, static_cast<unsigned>(size - 12))] ^=
            static_cast<std::uint8_t>(1U << below(random, 8));
      set_checksum(file, chunk);
      return file;
  }
}

TEST(SimplePng, ChangedFilesAreDecodedAsByLibpngOrLeftToIt) {
  Random random(3);
  int simple = 0;
  int refused = 0;
  for (int round = 0; round < 30000; ++round) {
    const Kind& kind = simple_kinds()[below(random, static_cast<unsigned>(simple_kinds().size()))];
    const Bytes file = changed(written(kind, 1 + below(random, 20), 1 + below(random, 12), random), random);
    if (is_simple(file, "change " + std::to_string(round))) {
      ++simple;
    } else if (!by_libpng(file)) {
      ++refused;
    }
  }
  // Texts may change, and palettes; most changes are damages.
  EXPECT_GT(simple, 1000);
  EXPECT_GT(refused, 10000);
}

// zlib refuses what points back beyond the window that the stream declares.
TEST(SimplePng, AWindowThatIsTooSmallIsLeftToLibpng) {
  Random random(5);
  Bytes file = written({PNG_COLOR_TYPE_GRAY, 8}, 64, 64, random);
  for (const std::size_t chunk : chunks_of(file)) {
    if (std::string_view(reinterpret_cast<const char*>(&file[chunk + 4]), 4) != "IDAT") continue;
    const unsigned method = 0x08;  // a window of 256 bytes
    file[chunk + 8] = static_cast<std::uint8_t>(method);
    file[chunk + 9] = static_cast<std::uint8_t>(31 - method * 256 % 31);
    set_checksum(file, chunk);
    break;
  }
  EXPECT_FALSE(decode_simple_png(file));
}

}  // namespace simple_png_test
}  // namespace datus::io_detail
