// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/palette.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::io_detail {

/// What the samples of a PNG are.
enum class PngKind { rgb8, palette8, grey8, grey16 };

/// What to encode: rows of samples as PNG stores them (16 bits: high byte first).
struct PngContent {
  PngKind kind = PngKind::rgb8;
  int height = 0;
  int width = 0;
  std::span<const std::uint8_t> samples;
  std::span<const Colour> palette;  ///< of palette8, at most 256
};

/// The bytes of a PNG file. The same content gives the same bytes with one version of libdeflate. Throws `SystemError`
/// when there is no memory for that.
/// Source: Portable Network Graphics (PNG) Specification, W3C.
[[nodiscard]] std::vector<std::uint8_t> encode_png(const PngContent& content);

}  // namespace datus::io_detail
