// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "io/images/image_header.hpp"

#include <cstdint>
#include <span>

namespace datus::io_detail {

/// Decodes an uncompressed BMP file (8 bits with a palette, 24 or 32 bits) to RGB. `header` is what
/// `parse_image_header` found in the same bytes. Throws `FormatError` when it is truncated, damaged
/// or of another kind.
[[nodiscard]] Image decode_bmp(std::span<const std::uint8_t> bytes, const ParsedHeader& header);

}  // namespace datus::io_detail
