// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

namespace datus::io_detail {

enum class ImageType { jpeg, png, bmp, tiff, webp };

/// The size of a picture as it is stored, in pixels, unchecked.
struct StoredPicture {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool has_more = false;  ///< pages or frames follow
};

/// The header of an image file, as stored.
struct ParsedHeader {
  ImageType type = ImageType::jpeg;
  int width = 0;
  int height = 0;
  int components = 3;     ///< values per pixel as stored; a palette index is one
  bool has_more = false;  ///< the file has further pages or frames
};

/// Reads the header from the first bytes of a file, or from all of them (`is_whole`). Nothing when `bytes` end before
/// the header does: read more of the file, or call it truncated. Throws `FormatError` for what is no image of a type
/// that this build reads, has no pixels, or has more than `max_image_pixels`.
[[nodiscard]] std::optional<ParsedHeader> parse_image_header(std::span<const std::uint8_t> bytes, bool is_whole);

/// Reads the header of a file, most often from its first bytes alone. Throws `InputError` naming a file that cannot be
/// read, and `FormatError` as `parse_image_header` does, also when the file ends before the header.
[[nodiscard]] ParsedHeader read_parsed_header(const std::filesystem::path& path);

}  // namespace datus::io_detail
