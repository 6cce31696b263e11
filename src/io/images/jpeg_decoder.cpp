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

/// Whether the file runs on to its end marker. libjpeg completes a file that does not with grey,
/// and tells only by a warning that an earlier, harmless one can hide.
bool has_end(const ByteView& bytes) {
  JpegMarkers markers(bytes);
  while (const auto marker = markers.next()) {
    if (marker->code == JpegMarker::end_of_image) return true;
  }
  return false;
}

/// Whether the pixels are right in spite of libjpeg's warning: stray bytes between segments and
/// unknown versions.
bool is_harmless(std::string_view warning) {
  constexpr std::array<std::string_view, 3> harmless = {"extraneous bytes before marker", "unknown JFIF revision",
                                                        "unknown color transform code"};
  return std::any_of(harmless.begin(), harmless.end(),
                     [&](std::string_view text) { return warning.find(text) != std::string_view::npos; });
}

void decompress(std::span<const std::uint8_t> bytes, int width, int height, TJPF format, std::span<std::uint8_t> out) {
  const Decoder decoder(tjInitDecompress());
  if (!decoder) throw FormatError("the JPEG decoder could not start: " + std::string(tjGetErrorStr2(nullptr)));
  const int pitch = width * tjPixelSize[format];
  if (out.size() != static_cast<std::size_t>(pitch) * static_cast<std::size_t>(height)) {
    throw FormatError("the size of the JPEG is inconsistent");
  }
  // Without TJFLAG_FASTUPSAMPLE the colour planes are enlarged smoothly, as Pillow does.
  // TJFLAG_LIMITSCANS stops files that are made of thousands of passes over the image.
  const int status = tjDecompress2(decoder.get(), bytes.data(), static_cast<unsigned long>(bytes.size()), out.data(),
                                   width, pitch, height, format, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  if (status == 0) return;
  const std::string message = tjGetErrorStr2(decoder.get());
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
  if (!has_end(ByteView(bytes))) throw FormatError("the JPEG is truncated");
  Image image(header.height, header.width);
  if (header.components != 4) {
    decompress(bytes, header.width, header.height, TJPF_RGB, image.pixels);
  } else {
    std::vector<std::uint8_t> inks(image.pixels.size() / 3 * 4);
    decompress(bytes, header.width, header.height, TJPF_CMYK, inks);
    inverted_cmyk_to_rgb(inks, image.pixels);
  }
  return image;
}

}  // namespace datus::io_detail
