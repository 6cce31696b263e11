// SPDX-License-Identifier: Apache-2.0
#include "io/images/tiff_decoder.hpp"

#include "datus/io/image_reader.hpp"
#include "io/images/byte_view.hpp"
#include "io/images/sample_depth.hpp"
#include "io/images/tiff/tiff_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace datus::io_detail {
namespace {

/// What the tags of a page say of its samples.
struct Layout {
  explicit Layout(const TiffFile& file)
      : bits(file.value<std::uint16_t>(TIFFTAG_BITSPERSAMPLE)),
        samples(file.value<std::uint16_t>(TIFFTAG_SAMPLESPERPIXEL)),
        format(file.value<std::uint16_t>(TIFFTAG_SAMPLEFORMAT)),
        photometric(file.value<std::uint16_t>(TIFFTAG_PHOTOMETRIC)),
        is_separate(file.value<std::uint16_t>(TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE) {
    const bool is_jpeg = file.value<std::uint16_t>(TIFFTAG_COMPRESSION) == COMPRESSION_JPEG;
    if (is_jpeg && photometric == PHOTOMETRIC_YCBCR && !is_separate) {
      // The library of JPEG converts, and enlarges the planes of colour smoothly.
      if (TIFFSetField(file.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) != 1) file.refuse();
      photometric = PHOTOMETRIC_RGB;
    }
  }

  /// 3, or 1 for grey and palettes; what pixels have beyond that is alpha or unknown.
  [[nodiscard]] int channels() const { return photometric == PHOTOMETRIC_RGB ? 3 : 1; }
  [[nodiscard]] bool is_unsigned() const { return format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID; }
  /// Whether its samples can be taken as they are; others are libtiff's to convert.
  [[nodiscard]] bool is_plain() const {
    const bool is_grey = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
    if (!is_unsigned() || samples < channels()) return false;
    if (photometric == PHOTOMETRIC_PALETTE) return bits == 8;
    return (is_grey || photometric == PHOTOMETRIC_RGB) && (bits == 8 || bits == 16);
  }

  int bits;
  int samples;
  int format;
  int photometric;
  bool is_separate;  ///< the samples of a pixel lie in planes of their own
};

/// Strips or tiles: rectangles of one size that cover the picture.
struct Blocks {
  Blocks(const TiffFile& file, const ParsedHeader& header) : is_tiled(TIFFIsTiled(file.get()) != 0) {
    width = is_tiled ? file.value<std::uint32_t>(TIFFTAG_TILEWIDTH) : static_cast<std::uint32_t>(header.width);
    height = is_tiled
                 ? file.value<std::uint32_t>(TIFFTAG_TILELENGTH)
                 : std::min(file.value<std::uint32_t>(TIFFTAG_ROWSPERSTRIP), static_cast<std::uint32_t>(header.height));
    const auto size = is_tiled ? TIFFTileSize(file.get()) : TIFFStripSize(file.get());
    constexpr std::int64_t most_bytes = 8 * max_image_pixels;
    if (width == 0 || height == 0 || size <= 0 || size > most_bytes) {
      throw FormatError("the TIFF data is damaged: its tiles or strips have an impossible size");
    }
    bytes.resize(static_cast<std::size_t>(size));
  }

  /// Reads the one with that pixel into `bytes`.
  void read(const TiffFile& file, std::uint32_t x, std::uint32_t y, int plane) {
    const auto sample = static_cast<std::uint16_t>(plane);
    const auto size = static_cast<tmsize_t>(bytes.size());
    const tmsize_t got =
        is_tiled ? TIFFReadEncodedTile(file.get(), TIFFComputeTile(file.get(), x, y, 0, sample), bytes.data(), size)
                 : TIFFReadEncodedStrip(file.get(), TIFFComputeStrip(file.get(), y, sample), bytes.data(), size);
    if (got < 0) file.refuse();
    std::fill(bytes.begin() + got, bytes.end(), std::uint8_t{0});
  }

  bool is_tiled;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> bytes;
};

/// The first channels of all pixels: [height, width, channels].
template <class Sample>
std::vector<Sample> read_samples(const TiffFile& file, const Layout& layout, const ParsedHeader& header) {
  const auto height = static_cast<std::uint32_t>(header.height);
  const auto width = static_cast<std::uint32_t>(header.width);
  const auto channels = static_cast<std::size_t>(layout.channels());
  const std::size_t step = layout.is_separate ? 1 : static_cast<std::size_t>(layout.samples);
  Blocks blocks(file, header);
  if (blocks.bytes.size() / sizeof(Sample) / step / blocks.width < blocks.height) {
    throw FormatError("the TIFF data is damaged: its tiles or strips are too small");
  }
  std::vector<Sample> all(std::size_t{height} * width * channels);
  const int planes = layout.is_separate ? layout.channels() : 1;
  const std::size_t taken = layout.is_separate ? 1 : channels;
  for (int plane = 0; plane < planes; ++plane) {
    for (std::uint32_t top = 0; top < height; top += blocks.height) {
      for (std::uint32_t left = 0; left < width; left += blocks.width) {
        blocks.read(file, left, top, plane);
        const std::uint32_t bottom = std::min(height - top, blocks.height);
        const std::uint32_t right = std::min(width - left, blocks.width);
        for (std::uint32_t y = 0; y < bottom; ++y) {
          for (std::uint32_t x = 0; x < right; ++x) {
            const std::size_t from = (std::size_t{y} * blocks.width + x) * step;
            const std::size_t to =
                (std::size_t{top + y} * width + left + x) * channels + static_cast<std::size_t>(plane);
            std::memcpy(&all[to], blocks.bytes.data() + from * sizeof(Sample), taken * sizeof(Sample));
          }
        }
      }
    }
  }
  file.require_sound_pixels();
  return all;
}

/// Red, green and blue of each of the 256 indices.
std::array<std::vector<std::uint8_t>, 3> read_palette(const TiffFile& file) {
  constexpr std::size_t colours = 256;
  std::array<const std::uint16_t*, 3> stored{};
  if (TIFFGetField(file.get(), TIFFTAG_COLORMAP, &stored[0], &stored[1], &stored[2]) != 1) {
    throw FormatError("the TIFF data is damaged: it has no palette");
  }
  // Colours have 16 bits, but some writers know of 8 only.
  const auto is_small = [](const std::uint16_t* one) {
    return std::all_of(one, one + colours, [](auto v) { return v < 256; });
  };
  const int bits = std::ranges::all_of(stored, is_small) ? 8 : 16;
  std::array<std::vector<std::uint8_t>, 3> palette;
  for (std::size_t channel = 0; channel < palette.size(); ++channel) {
    for (std::size_t i = 0; i < colours; ++i) palette[channel].push_back(to_byte(stored[channel][i], bits));
  }
  return palette;
}

/// `bytes` is [pixels, channels].
Image to_image(const TiffFile& file, const Layout& layout, const ParsedHeader& header,
               std::vector<std::uint8_t> bytes) {
  Image image(header.height, header.width);
  if (layout.channels() == 3) {
    image.pixels = std::move(bytes);
  } else if (layout.photometric == PHOTOMETRIC_PALETTE) {
    const auto palette = read_palette(file);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = palette[i % 3][bytes[i / 3]];
  } else {
    const std::uint8_t black = layout.photometric == PHOTOMETRIC_MINISWHITE ? 255 : 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = bytes[i / 3] ^ black;
  }
  return image;
}

Image decode_plain(const TiffFile& file, const Layout& layout, const ParsedHeader& header) {
  if (layout.bits == 8) return to_image(file, layout, header, read_samples<std::uint8_t>(file, layout, header));
  const auto samples = read_samples<std::uint16_t>(file, layout, header);
  const int bits = significant_bits(samples, std::nullopt);
  std::vector<std::uint8_t> bytes(samples.size());
  std::ranges::transform(samples, bytes.begin(), [bits](std::uint16_t sample) { return to_byte(sample, bits); });
  return to_image(file, layout, header, std::move(bytes));
}

/// Inks, luma and chroma, fewer than 8 bits, and what else libtiff makes RGB of.
Image convert(const TiffFile& file, const ParsedHeader& header) {
  std::array<char, 1024> reason{};
  const auto refuse = [&] { throw FormatError("this kind of TIFF is not supported: " + std::string(reason.data())); };
  TIFFRGBAImage conversion{};
  if (TIFFRGBAImageOK(file.get(), reason.data()) != 1) refuse();
  if (TIFFRGBAImageBegin(&conversion, file.get(), /*stop=*/1, reason.data()) != 1) refuse();
  const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&conversion, TIFFRGBAImageEnd);
  conversion.req_orientation = conversion.orientation;  // as stored
  Image image(header.height, header.width);
  std::vector<std::uint32_t> raster(image.pixels.size() / 3);
  if (TIFFRGBAImageGet(&conversion, raster.data(), conversion.width, conversion.height) != 1) file.refuse();
  file.require_sound_pixels();
  for (std::size_t i = 0; i < raster.size(); ++i) {
    image.pixels[3 * i] = static_cast<std::uint8_t>(TIFFGetR(raster[i]));
    image.pixels[3 * i + 1] = static_cast<std::uint8_t>(TIFFGetG(raster[i]));
    image.pixels[3 * i + 2] = static_cast<std::uint8_t>(TIFFGetB(raster[i]));
  }
  return image;
}

}  // namespace

std::string tiff_library() {
  // "LIBTIFF, Version 4.5.0\nCopyright …"
  const std::string_view text = TIFFGetVersion();
  const std::string_view line = text.substr(0, text.find('\n'));
  return "libtiff " + std::string(line.substr(line.rfind(' ') + 1));
}

StoredPicture tiff_picture(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t behind_header = 8;
  const TiffFile file(bytes);
  const bool is_preview = (file.value<std::uint32_t>(TIFFTAG_SUBFILETYPE) & FILETYPE_REDUCEDIMAGE) != 0;
  if (is_preview || ByteView(bytes).starts_with("CR", behind_header)) {
    throw FormatError("it is a raw image of a camera, or begins with a preview");
  }
  return {.width = file.value<std::uint32_t>(TIFFTAG_IMAGEWIDTH),
          .height = file.value<std::uint32_t>(TIFFTAG_IMAGELENGTH),
          .has_more = TIFFLastDirectory(file.get()) == 0};
}

Metadata tiff_metadata(std::span<const std::uint8_t> bytes) {
  const TiffFile file(bytes);
  Metadata found;
  std::uint16_t orientation = 0;
  if (TIFFGetField(file.get(), TIFFTAG_ORIENTATION, &orientation) == 1) found.orientation = orientation;
  std::uint32_t size = 0;
  const char* xmp = nullptr;
  if (TIFFGetField(file.get(), TIFFTAG_XMLPACKET, &size, &xmp) == 1) found.xmp.assign(xmp, size);
  return found;
}

Image decode_tiff(std::span<const std::uint8_t> bytes, const ParsedHeader& header) {
  const TiffFile file(bytes);
  const Layout layout(file);
  if (!layout.is_unsigned() || layout.bits > 16) {
    const bool is_float = layout.format == SAMPLEFORMAT_IEEEFP;
    throw FormatError("the samples of the TIFF are " + std::to_string(layout.bits) + "-bit " +
                      (is_float ? "floating-point numbers" : "integers") + ", not unsigned ones of up to 16 bits");
  }
  // libtiff converts them as if their white were that of sRGB, which tints the picture.
  constexpr std::array unconverted = {PHOTOMETRIC_CIELAB, PHOTOMETRIC_ICCLAB, PHOTOMETRIC_ITULAB, PHOTOMETRIC_LOGL,
                                      PHOTOMETRIC_LOGLUV};
  if (std::ranges::find(unconverted, layout.photometric) != unconverted.end()) {
    throw FormatError("the colours of the TIFF are CIELab or logarithmic, not RGB, grey or inks: save it as RGB");
  }
  return layout.is_plain() ? decode_plain(file, layout, header) : convert(file, header);
}

}  // namespace datus::io_detail
