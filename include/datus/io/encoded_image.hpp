// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/io/palette.hpp"

#include <cstdint>
#include <vector>

namespace datus {

// The bytes of image files, for pages that hold their pictures inside. The same pixels give the same bytes with one
// version of libjpeg-turbo or libdeflate. Not collective.

/// JPEG of `quality` 1 to 100, colours at half of the resolution. Throws `SystemError` for an image that it cannot
/// hold.
[[nodiscard]] std::vector<std::uint8_t> jpeg_bytes(const Image& image, int quality);

/// PNG of a label map of 0 … labels - 1 or `no_label`, as small as it can be. Up to 255 labels: 8-bit indices with a
/// palette of labels + 1 entries, `palette.of(label)` and, last and for `no_label`, `palette.unassigned`. More: 16-bit
/// grey levels with 65535 for `no_label`. Throws `UsageError` for a label outside that range.
[[nodiscard]] std::vector<std::uint8_t> label_png_bytes(const LabelMap& map, int labels, const Palette& palette);

/// PNG of RGB pixels.
[[nodiscard]] std::vector<std::uint8_t> png_bytes(const Image& image);

}  // namespace datus
