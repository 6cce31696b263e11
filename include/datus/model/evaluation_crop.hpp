// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

namespace datus {

/// Side of the square that STEGO's evaluation looks at, in pixels.
inline constexpr int evaluation_crop_side = 320;

/// What STEGO's evaluation sees of a mask or its ground truth: the nearest pixels of the map resized so that its
/// shorter side has 320, and of that the square in the middle. The pixels are those of Pillow's NEAREST (which adds up
/// the scale in doubles), sizes and place torchvision's. Maps of 320 x 320 pixels come back as they are.
/// Source: the transforms of STEGO's data sets (Hamilton et al. 2022): Resize(320, NEAREST), CenterCrop(320).
[[nodiscard]] LabelMap evaluation_crop(const LabelMap& map);

}  // namespace datus
