#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace datus::io_detail {

enum class ImageType { jpeg, png, bmp };

/// The header of an image file, as stored.
struct ParsedHeader {
  ImageType type = ImageType::jpeg;
  int width = 0;
  int height = 0;
  int orientation = 1;  ///< EXIF orientation, 1 to 8; 1 where there is none
  int components = 3;   ///< colour components of a JPEG
};

/// Reads the header from the first bytes of a file. Nothing when `bytes` end before the header
/// does: read more of the file, or call it truncated. Throws `FormatError` for what is not a JPEG,
/// PNG or BMP image, has no pixels, or has more than `max_image_pixels`.
[[nodiscard]] std::optional<ParsedHeader> parse_image_header(std::span<const std::uint8_t> bytes);

/// The EXIF orientation in a TIFF structure ("II*" or "MM*"); 1 when it is absent or damaged.
[[nodiscard]] int exif_orientation(std::span<const std::uint8_t> tiff);

}  // namespace datus::io_detail
