// SPDX-License-Identifier: Apache-2.0
#include "io/images/jpeg_decoder.hpp"

#include "io/images/byte_view.hpp"
#include "io/images/jpeg_markers.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <turbojpeg.h>

namespace datus::io_detail {
namespace {

struct DestroyDecoder {
  void operator()(void* decoder) const noexcept { tjDestroy(decoder); }
};
using Decoder = std::unique_ptr<std::remove_pointer_t<tjhandle>, DestroyDecoder>;

/// Whether the pixels are right in spite of libjpeg's warning: stray bytes between segments.
bool is_harmless(std::string_view warning) {
  return warning.find("extraneous bytes before marker") != std::string_view::npos;
}

/// Puts what libjpeg assumes in place of values that it warns of and ignores.
void set_usual_values(const JpegMarker& marker, bool is_sequential, int components, std::span<std::uint8_t> content) {
  constexpr std::size_t jfif_size = 14;
  constexpr std::size_t jfif_version = 5;
  constexpr std::size_t adobe_size = 12;
  constexpr std::size_t adobe_transform = 11;
  const ByteView bytes(content);
  if (marker.code == JpegMarker::start_of_scan && is_sequential && content.size() >= 3) {
    constexpr std::array<std::uint8_t, 3> all_coefficients = {0, 63, 0};
    std::ranges::copy(all_coefficients, content.last(3).begin());
  } else if (marker.code == JpegMarker::app0 && content.size() >= jfif_size && bytes.starts_with("JFIF")) {
    content[jfif_version] = 1;
  } else if (marker.code == JpegMarker::app14 && content.size() >= adobe_size && bytes.starts_with("Adobe")) {
    const std::uint8_t with_luma = components == 4 ? 2 : 1;
    if (content[adobe_transform] != 0) content[adobe_transform] = with_luma;
  }
}

struct UsualJpeg {
  std::vector<std::uint8_t> bytes;
  bool is_completed = false;  ///< the end marker was put there: pixels may be missing
};

/// The bytes of the file, changed where libjpeg would warn of what does not matter: it tells of its first warning only,
/// and that must not hide damage. The end marker is put where it is missing (frames of cameras) and the pixels may all
/// be there: of one scan with Huffman codes, where libjpeg warns when they end early. Throws `FormatError` for any
/// other file that does not run on to its end marker: libjpeg completes it with grey, and not always with a warning.
UsualJpeg without_oddities(std::span<const std::uint8_t> bytes, int components) {
  UsualJpeg usual{.bytes = {bytes.begin(), bytes.end()}};
  bool is_sequential = false;
  bool has_huffman_codes = false;
  int scans_of_all = 0;
  int scans = 0;
  JpegMarkers markers{ByteView(bytes)};
  while (const auto marker = markers.next()) {
    if (marker->code == JpegMarker::end_of_image) return usual;
    if (marker->content.empty()) continue;
    if (marker->is_frame()) {
      is_sequential = marker->is_sequential_frame();
      has_huffman_codes = is_sequential && marker->code < 0xC8;
    }
    if (marker->code == JpegMarker::start_of_scan) {
      ++scans;
      if (marker->content[0] == components) ++scans_of_all;
    }
    const auto offset = static_cast<std::size_t>(marker->content.data() - bytes.data());
    set_usual_values(*marker, is_sequential, components,
                     std::span(usual.bytes).subspan(offset, marker->content.size()));
  }
  if (!has_huffman_codes || scans != 1 || scans_of_all != 1) throw FormatError("the JPEG is truncated");
  usual.bytes.insert(usual.bytes.end(), {0xFF, JpegMarker::end_of_image});
  usual.is_completed = true;
  return usual;
}

void decompress(const UsualJpeg& jpeg, int width, int height, TJPF format, std::span<std::uint8_t> out) {
  const Decoder decoder(tjInitDecompress());
  if (!decoder) throw FormatError("the JPEG decoder could not start: " + std::string(tjGetErrorStr2(nullptr)));
  const int pitch = width * tjPixelSize[format];
  if (out.size() != static_cast<std::size_t>(pitch) * static_cast<std::size_t>(height)) {
    throw FormatError("the size of the JPEG is inconsistent");
  }
  // Without TJFLAG_FASTUPSAMPLE the colour planes are enlarged smoothly, as Pillow does.
  // TJFLAG_LIMITSCANS stops files that are made of thousands of passes over the image.
  const int status = tjDecompress2(decoder.get(), jpeg.bytes.data(), static_cast<unsigned long>(jpeg.bytes.size()),
                                   out.data(), width, pitch, height, format, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  if (status == 0) return;
  const std::string message = tjGetErrorStr2(decoder.get());
  // The first warning, a harmless one too, may hide that.
  if (jpeg.is_completed) throw FormatError("the JPEG is truncated");
  if (tjGetErrorCode(decoder.get()) == TJERR_WARNING && is_harmless(message)) return;
  throw FormatError("the JPEG data is damaged: " + message);
}

/// a * b / 255, rounded, in integers.
unsigned multiply_255(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return ((product >> 8U) + product) >> 8U;
}

/// Four-component files hold inverted inks (Adobe's convention; Pillow assumes it for all of them):
/// a stored 255 is no ink. `inks` is [pixels, 4], the result [pixels, 3].
void inverted_cmyk_to_rgb(std::span<const std::uint8_t> inks, std::span<std::uint8_t> rgb) {
  for (std::size_t pixel = 0; pixel < rgb.size() / 3; ++pixel) {
    const unsigned light = inks[4 * pixel + 3];  // 255 - black
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const unsigned ink = 255U - inks[4 * pixel + channel];
      rgb[3 * pixel + channel] = static_cast<std::uint8_t>(light - multiply_255(ink, light));
    }
  }
}

}  // namespace

Image decode_jpeg(std::span<const std::uint8_t> bytes, const ParsedHeader& header) {
  const auto usual = without_oddities(bytes, header.components);
  Image image(header.height, header.width);
  if (header.components != 4) {
    decompress(usual, header.width, header.height, TJPF_RGB, image.pixels);
  } else {
    std::vector<std::uint8_t> inks(image.pixels.size() / 3 * 4);
    decompress(usual, header.width, header.height, TJPF_CMYK, inks);
    inverted_cmyk_to_rgb(inks, image.pixels);
  }
  return image;
}

}  // namespace datus::io_detail
