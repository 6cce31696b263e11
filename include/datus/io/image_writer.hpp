// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/io/palette.hpp"

#include <cstdint>
#include <filesystem>
#include <span>

namespace datus {

// PNG files. Equal pixels give equal bytes with one version of libdeflate: fixed filter and compression, no time, no
// text. Each
// function replaces what is at `path` and does not flush it to the disk: pass the path of an
// `AtomicFile`, and commit it. Not collective. They throw `UsageError` for sizes that do not fit
// the pixels, `SystemError` naming the file when writing fails.

/// 8-bit RGB.
void write_png(const std::filesystem::path& path, const Image& image);

/// 8-bit indices, [height, width] row-major, with a palette of 256 entries: `palette.of(i)` for i
/// below 255 and below the palette's size, `palette.unassigned` for the rest and for 255.
void write_palette_png(const std::filesystem::path& path, std::span<const std::uint8_t> indices, int height, int width,
                       const Palette& palette);

/// 8-bit grey levels, [height, width] row-major.
void write_grey_png(const std::filesystem::path& path, std::span<const std::uint8_t> levels, int height, int width);

/// 16-bit grey levels, [height, width] row-major.
void write_grey16_png(const std::filesystem::path& path, std::span<const std::uint16_t> levels, int height, int width);

}  // namespace datus
