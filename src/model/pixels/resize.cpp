// SPDX-License-Identifier: Apache-2.0
#include "datus/model/resize.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"
#include "model/pixels/axis_table.hpp"
#include "model/pixels/resize_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace datus {
namespace {

using resize_kernels::WidePixels;
using resize_kernels::Window;

struct Kernels {
  resize_kernels::Widening* widen;
  resize_kernels::HorizontalPass* horizontal;
  resize_kernels::VerticalPass* vertical;
};

Kernels best_kernels() {
  if (__builtin_cpu_supports("avx2")) {
    return {resize_kernels::widen_avx2, resize_kernels::horizontal_avx2, resize_kernels::vertical_avx2};
  }
  return {resize_kernels::widen_baseline, resize_kernels::horizontal_baseline, resize_kernels::vertical_baseline};
}

/// The horizontal pass: the pixels `box` of `image` resized to `width` columns and its own height.
Image resize_columns(const Image& image, int width, Resample resample, const PixelBox& box) {
  Image result(box.height, box.width);
  if (image.width == width) {
    for (int y = 0; y < box.height; ++y) {
      const auto from = image.row(box.top + y).subspan(static_cast<std::size_t>(box.left) * 3, result.row(y).size());
      std::copy(from.begin(), from.end(), result.row(y).begin());
    }
    return result;
  }
  const AxisTable table(image.width, width, box.left, box.width, resample);
  const Kernels kernels = best_kernels();
  std::vector<WidePixels> wide(static_cast<std::size_t>(image.width));
  for (int y = 0; y < box.height; y += 2) {
    // The last row of an odd number stands for two.
    const int other = std::min(y + 1, box.height - 1);
    kernels.widen({image.row(box.top + y).data(), image.row(box.top + other).data()},
                  static_cast<std::size_t>(table.begin()), static_cast<std::size_t>(table.end()), wide.data());
    kernels.horizontal(wide.data(), table.windows().data(), table.windows().size(),
                       {result.row(y).data(), result.row(other).data()});
  }
  return result;
}

void check_window(const Image& image, int height, int width, const PixelBox& window) {
  if (image.height < 1 || image.width < 1 || height < 1 || width < 1) {
    throw InputError("Cannot resize an image of " + dimensions_text(image.height, image.width) + " pixels to " +
                         dimensions_text(height, width),
                     "a side has no pixel", "Use sizes of at least 1 x 1.");
  }
  const bool inside = window.top >= 0 && window.height >= 1 && window.top <= height - window.height &&
                      window.left >= 0 && window.width >= 1 && window.left <= width - window.width;
  if (!inside) {
    throw InputError("Cannot cut " + dimensions_text(window.height, window.width) + " pixels at row " +
                         std::to_string(window.top) + ", column " + std::to_string(window.left),
                     "the resized image has " + dimensions_text(height, width) + " pixels",
                     "Use a window that is not empty and lies inside.");
  }
}

}  // namespace

Image resize_window(const Image& image, int height, int width, Resample resample, const PixelBox& window) {
  check_window(image, height, width, window);
  if (image.height == height) return resize_columns(image, width, resample, window);
  const AxisTable table(image.height, height, window.top, window.height, resample);
  const Image middle =
      resize_columns(image, width, resample, {table.begin(), window.left, table.end() - table.begin(), window.width});
  Image result(window.height, window.width);
  const std::size_t stride = static_cast<std::size_t>(window.width) * 3;
  const Kernels kernels = best_kernels();
  for (int y = 0; y < window.height; ++y) {
    Window rows = table.windows()[static_cast<std::size_t>(y)];
    rows.first -= table.begin();  // `middle` starts at the first row that is needed
    kernels.vertical(middle.pixels.data(), stride, rows, stride, result.row(y).data());
  }
  return result;
}

Image resize_image(const Image& image, int height, int width, Resample resample) {
  return resize_window(image, height, width, resample, {0, 0, height, width});
}

}  // namespace datus
