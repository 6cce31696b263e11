// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "io/images/image_header.hpp"

#include <cstdint>
#include <span>

namespace datus::io_detail {

/// Decodes a whole JPEG file to RGB, as stored. `header` is what `parse_image_header` found in the
/// same bytes. Throws `FormatError` when the file is truncated or damaged.
[[nodiscard]] Image decode_jpeg(std::span<const std::uint8_t> bytes, const ParsedHeader& header);

}  // namespace datus::io_detail
