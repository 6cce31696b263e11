// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/io/image_reader.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <variant>
#include <vector>

namespace datus::io_detail {

/// The stored values of a one-channel PNG, [height, width]: palette indices or grey levels, never
/// expanded. Bytes where they have 1, 2, 4 or 8 bits.
struct IndexImage {
  int height = 0;
  int width = 0;
  std::variant<std::vector<std::uint8_t>, std::vector<std::uint16_t>> values;
};

/// Decodes a whole PNG file to RGB. Throws `FormatError` when it is truncated or damaged.
[[nodiscard]] Image decode_png(std::span<const std::uint8_t> bytes);

/// Decodes a whole PNG file with a palette or grey levels to its values. Throws `FormatError` when
/// it is truncated or damaged, or has colours in place of an index.
[[nodiscard]] IndexImage decode_index_png(std::span<const std::uint8_t> bytes);

/// Reads and decodes a PNG file with `decode_index_png`. Throws `InputError` naming the file and
/// the reason.
[[nodiscard]] IndexImage read_index_png(const std::filesystem::path& path);
/// Its size, and that it is such a file, from its first bytes. Throws as `read_index_png` does for what these tell.
[[nodiscard]] ImageHeader read_index_png_header(const std::filesystem::path& path);

}  // namespace datus::io_detail
