// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "io/images/image_header.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace datus::io_detail {

/// The library that reads WebP files, with its version; empty in a build without one, in which nothing else here may be
/// called.
[[nodiscard]] std::string webp_library();

/// What a WebP file says of its picture. Nothing when `bytes` end first. Throws `FormatError` when it is damaged.
[[nodiscard]] std::optional<StoredPicture> webp_picture(std::span<const std::uint8_t> bytes);

/// Decodes a whole WebP file to RGB, without alpha; of an animation the first frame, on black. Throws `FormatError`
/// when it is truncated or damaged.
[[nodiscard]] Image decode_webp(std::span<const std::uint8_t> bytes, const ParsedHeader& header);

}  // namespace datus::io_detail
