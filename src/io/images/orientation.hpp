// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "io/images/image_header.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace datus::io_detail {

/// The EXIF orientation of an image file, 1 to 8, as Pillow's ImageOps.exif_transpose finds it: in the EXIF of the
/// file, or in its XMP where EXIF has none; 1 where neither has, or damaged ones. Nothing when `bytes` end before that
/// is decided: in a JPEG before its pixels, in others at the end of the file.
[[nodiscard]] std::optional<int> find_orientation(std::span<const std::uint8_t> bytes, ImageType type);

/// Orientations 5 to 8 exchange rows and columns.
[[nodiscard]] inline bool is_transposed(int orientation) noexcept {
  return orientation >= 5;
}

/// Turns a stored picture upright. EXIF 2.32, tag 0x0112: 2 and 4 mirror, 3 turns by 180 degrees, 6
/// by 90 degrees clockwise, 8 counter-clockwise, 5 and 7 mirror along a diagonal.
[[nodiscard]] Image turn_upright(Image stored, int orientation);

}  // namespace datus::io_detail
