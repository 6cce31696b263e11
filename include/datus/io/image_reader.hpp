#pragma once

#include "datus/core/image.hpp"

#include <cstdint>
#include <filesystem>

namespace datus {

/// How the rows and columns of a picture are turned.
enum class Orientation {
  stored,  ///< as stored: what Pillow and torchvision do unless told otherwise
  exif,    ///< turned upright by the EXIF orientation tag (JPEG; PNG with an eXIf chunk before the
           ///< pixels), all eight values
};

/// What is known of an image file without decoding it.
struct ImageHeader {
  int width = 0;           ///< pixels, after `Orientation`
  int height = 0;          ///< pixels, after `Orientation`
  std::int64_t bytes = 0;  ///< size of the file
};

/// Images with more pixels than this are refused: a damaged header must not ask for all memory.
inline constexpr std::int64_t max_image_pixels = std::int64_t{1} << 28;

/// Decodes a JPEG, PNG or BMP file to 8-bit RGB, [height, width, 3]. The content decides on the
/// type, never the name.
///
/// As Pillow's convert("RGB"): JPEG with the accurate integer DCT and smooth upsampling, four
/// components as Adobe's inverted CMYK or YCCK; alpha and transparency are dropped without
/// compositing; grey is replicated; palettes are expanded; no colour profile is applied.
/// Sixteen-bit samples keep their high byte (Pillow 9 clips grey ones instead).
///
/// Not collective; safe to call from several threads. Throws `InputError` naming the file and the
/// reason: missing, not an image, truncated, damaged, empty or too large. A truncated file is never
/// completed with grey.
[[nodiscard]] Image read_image(const std::filesystem::path& path, Orientation orientation = Orientation::stored);

/// Size of an image file, from its first bytes. It agrees with `read_image` whenever that succeeds,
/// but does not tell whether the pixels can be decoded. Not collective. Throws `InputError` as
/// `read_image` does.
[[nodiscard]] ImageHeader read_image_header(const std::filesystem::path& path,
                                            Orientation orientation = Orientation::stored);

}  // namespace datus
