// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/core/labels.hpp"
#include "datus/io/palette.hpp"

#include <filesystem>

namespace datus {

/// Most clusters whose masks are 8-bit palette PNGs: 255 stands for unassigned. Larger ones are
/// 16-bit grey PNGs, where 65535 does.
inline constexpr int max_palette_clusters = 255;
inline constexpr int max_mask_clusters = 65535;

/// Whether masks of so many clusters need a colour preview beside them: a 16-bit grey PNG looks
/// black.
[[nodiscard]] constexpr bool needs_preview(int clusters) noexcept {
  return clusters > max_palette_clusters;
}

/// Writes a label map, [height, width] of 0 … clusters - 1 or `no_label`, as a PNG that viewers
/// show in colour and other tools read as indices. The same labels, clusters and palette give the
/// same bytes.
///
/// Not collective; flushing is left to an `AtomicFile` around it. Throws `UsageError` naming a
/// label outside the range and its pixel, or for `clusters` outside 1 … 65535; `SystemError` when
/// writing fails.
void write_mask(const std::filesystem::path& path, const LabelMap& labels, int clusters, const Palette& palette);

/// The same as grey levels without a palette, which no reader takes for colours: 8 bits with 255 for `no_label`, or,
/// for more than 255 labels, 16 bits with 65535. Throws as `write_mask` does.
void write_grey_mask(const std::filesystem::path& path, const LabelMap& map, int labels);

/// Writes the colours of a label map as an RGB PNG, for people. Not collective. Throws as
/// `write_mask` does.
void write_mask_preview(const std::filesystem::path& path, const LabelMap& labels, const Palette& palette);

/// Reads a mask back: the values of a one-channel PNG, palette indices or grey levels of 1 to 16
/// bits, with 255 (up to 8 bits) or 65535 (16 bits) as `no_label`. Not collective. Throws
/// `InputError` naming the file when it cannot be read or holds colours.
[[nodiscard]] LabelMap read_mask(const std::filesystem::path& path);
/// The same in bytes where they hold it: up to 8 bits.
[[nodiscard]] Labels read_mask_labels(const std::filesystem::path& path);

}  // namespace datus
