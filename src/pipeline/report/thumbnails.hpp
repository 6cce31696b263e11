// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/io/palette.hpp"

#include <cstdint>

namespace datus {

/// The image with at most so many pixels, aspect kept. Never enlarged.
[[nodiscard]] Image thumbnail(const Image& original, std::int64_t most_pixels);

/// A label map at another size, nearest neighbour.
[[nodiscard]] LabelMap at_size(const LabelMap& labels, int height, int width);

/// A label map as a picture.
[[nodiscard]] Image in_colours(const LabelMap& map, const Palette& palette);

/// One segment of an image: the part of the picture around it, all else faint and grey behind an outline, at most
/// `side` pixels wide and high. `segments` has the size of `original`. Empty (no pixels) where the segment has none.
[[nodiscard]] Image cutout(const Image& original, const LabelMap& segments, int segment, int side);

}  // namespace datus
