// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

namespace datus {

/// Interpolation kernels of `resize_image`, both antialiased: the kernel widens when the image shrinks.
enum class Resample {
  bicubic,   ///< Keys' cubic with a = -0.5, support 2
  bilinear,  ///< triangle, support 1
};

/// A rectangle of pixels: `height` x `width` pixels from pixel (top, left) on.
struct PixelBox {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
  friend constexpr bool operator==(const PixelBox&, const PixelBox&) = default;
};

/// Resizes to `height` x `width` pixels. Not collective.
///
/// Source: Pillow 9's `Image.resize` on 8-bit RGB, bit for bit: weights are normalised in double and rounded half away
/// from zero to 22-bit fixed point, the horizontal pass comes first and rounds to uint8, then the vertical pass; a pass
/// that does not change the size is skipped. Integer sums, so the result is the same on every CPU.
/// Throws `InputError` when either image would be empty.
[[nodiscard]] Image resize_image(const Image& image, int height, int width, Resample resample);

/// The pixels `window` of `resize_image(image, height, width, resample)`, bit for bit, without making the others: time
/// and memory depend on the window, not on `height` x `width`. Throws `InputError` when `window` is empty or not
/// inside.
[[nodiscard]] Image resize_window(const Image& image, int height, int width, Resample resample, const PixelBox& window);

}  // namespace datus
