// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/images/png_decoder.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace datus::io_detail {

/// As `decode_index_png`, in a third of the time, of files as nearly all are: with a palette or grey levels, not
/// interlaced, and without any fault. Nothing for every other one: libpng knows what is still to be read in it, or what
/// is wrong.
[[nodiscard]] std::optional<IndexImage> decode_simple_png(std::span<const std::uint8_t> bytes);

/// The same for `decode_png`: of files with RGB of 8 bits, as photos are.
[[nodiscard]] std::optional<Image> decode_simple_rgb_png(std::span<const std::uint8_t> bytes);

}  // namespace datus::io_detail
