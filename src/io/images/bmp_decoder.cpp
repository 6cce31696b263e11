// SPDX-License-Identifier: Apache-2.0
#include "io/images/bmp_decoder.hpp"

#include "io/images/byte_view.hpp"

#include <string>

namespace datus::io_detail {
namespace {

constexpr std::size_t info = 14;  // the information header follows the file header
constexpr std::uint32_t uncompressed = 0;
constexpr std::uint32_t bit_fields = 3;
constexpr std::size_t max_palette = 256;

/// Blue, green, red and an unused byte per colour, as stored.
std::span<const std::uint8_t> read_palette(const ByteView& bytes) {
  const std::size_t used = bytes.little32(info + 32);
  if (used > max_palette) throw FormatError("the BMP palette is too large");
  return bytes.part(info + bytes.little32(info), 4 * (used == 0 ? max_palette : used));
}

void require_supported(const ByteView& bytes, std::uint32_t bits) {
  const std::uint32_t compression = bytes.little32(info + 16);
  bool is_supported = compression == uncompressed && (bits == 8 || bits == 24 || bits == 32);
  if (compression == bit_fields && bits == 32) {
    is_supported = bytes.little32(info + 40) == 0xFF0000 && bytes.little32(info + 44) == 0xFF00 &&
                   bytes.little32(info + 48) == 0xFF;
  }
  if (!is_supported) {
    throw FormatError("this kind of BMP is not supported: " + std::to_string(bits) + " bits per pixel, compression " +
                      std::to_string(compression));
  }
}

}  // namespace

Image decode_bmp(std::span<const std::uint8_t> all, const ParsedHeader& header) {
  const ByteView bytes(all);
  const std::uint32_t bits = bytes.little16(info + 14);
  require_supported(bytes, bits);
  const auto height = static_cast<std::size_t>(header.height);
  const auto width = static_cast<std::size_t>(header.width);
  const std::size_t pixel_size = bits / 8;
  const std::size_t row_size = (width * pixel_size + 3) / 4 * 4;
  const bool is_top_down = (bytes.little32(info + 8) & 0x80000000U) != 0;
  // Some writers leave out the padding of the last row.
  const auto pixels = bytes.part(bytes.little32(10), (height - 1) * row_size + width * pixel_size);
  const auto palette = bits == 8 ? read_palette(bytes) : std::span<const std::uint8_t>{};

  Image image(header.height, header.width);
  for (std::size_t y = 0; y < height; ++y) {
    const auto from = pixels.subspan((is_top_down ? y : height - 1 - y) * row_size);
    const auto to = image.row(static_cast<int>(y));
    for (std::size_t x = 0; x < width; ++x) {
      const auto stored = from.subspan(x * pixel_size, pixel_size);
      if (bits == 8 && std::size_t{stored[0]} * 4 >= palette.size()) {
        throw FormatError("a BMP pixel lies outside the palette");
      }
      const auto colour = bits == 8 ? palette.subspan(std::size_t{stored[0]} * 4, 3) : stored;
      to[3 * x] = colour[2];
      to[3 * x + 1] = colour[1];
      to[3 * x + 2] = colour[0];
    }
  }
  return image;
}

}  // namespace datus::io_detail
