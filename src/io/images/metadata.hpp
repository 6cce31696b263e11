// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/images/byte_view.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus::io_detail {

/// What an image file says of its picture in the two languages that have an orientation.
struct Metadata {
  std::vector<std::uint8_t> exif = {};  ///< a TIFF structure, with or without "Exif\0\0" before it; empty: none
  std::string xmp = {};                 ///< XML
  std::optional<int> orientation = {};  ///< of a TIFF file, which is EXIF itself
};

// Nothing when the bytes end first.

/// Of all segments before the pixels.
[[nodiscard]] std::optional<Metadata> jpeg_metadata(const ByteView& bytes);
/// Of all chunks up to the end, also those behind the pixels: eXIf, or ImageMagick's text "Raw profile type exif", and
/// the text "XML:com.adobe.xmp".
[[nodiscard]] std::optional<Metadata> png_metadata(const ByteView& bytes);
/// Of all chunks that its first one announces.
[[nodiscard]] std::optional<Metadata> webp_metadata(const ByteView& bytes);

}  // namespace datus::io_detail
