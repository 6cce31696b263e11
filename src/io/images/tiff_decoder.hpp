// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "io/images/image_header.hpp"
#include "io/images/metadata.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace datus::io_detail {

/// The library that reads TIFF files, with its version; empty in a build without one, in which nothing else here may be
/// called.
[[nodiscard]] std::string tiff_library();

/// What the first page of a whole TIFF file says of itself. Throws `FormatError` when it is damaged or no picture but
/// the preview of a raw image.
[[nodiscard]] StoredPicture tiff_picture(std::span<const std::uint8_t> bytes);
[[nodiscard]] Metadata tiff_metadata(std::span<const std::uint8_t> bytes);

/// Decodes the first page of a whole TIFF file to RGB, without alpha: unsigned samples of up to 8 bits as they are, of
/// 16 bits as `significant_bits` says. Throws `FormatError` for other samples (floating-point, 32 bits), and when the
/// file is truncated or damaged.
[[nodiscard]] Image decode_tiff(std::span<const std::uint8_t> bytes, const ParsedHeader& header);

}  // namespace datus::io_detail
