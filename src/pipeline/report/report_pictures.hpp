// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "datus/io/palette.hpp"

#include <cstdint>

namespace datus {

/// The image at the size of the report, at most `width` pixels wide, aspect kept. Never enlarged.
[[nodiscard]] Image thumbnail(const Image& original, int width);

/// A label map at the size of `picture`, nearest neighbour.
[[nodiscard]] LabelMap at_size_of(const LabelMap& labels, const Image& picture);

/// Colours of the labels laid over the picture, a thin white line between labels; pixels without a label are dimmed.
/// `labels` has the size of the picture.
[[nodiscard]] Image overlay(const Image& picture, const LabelMap& labels, const Palette& palette);

}  // namespace datus
