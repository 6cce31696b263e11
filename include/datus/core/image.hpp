// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// 8-bit RGB image, [height, width, 3], row-major, channels in the order R, G, B.
struct Image {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(int h, int w) : height(h), width(w), pixels(std::size_t(h) * std::size_t(w) * 3) {}
  [[nodiscard]] std::span<const std::uint8_t> row(int y) const {
    return std::span(pixels).subspan(std::size_t(y) * std::size_t(width) * 3, std::size_t(width) * 3);
  }
  [[nodiscard]] std::span<std::uint8_t> row(int y) {
    return std::span(pixels).subspan(std::size_t(y) * std::size_t(width) * 3, std::size_t(width) * 3);
  }
};

/// One integer label per pixel, [height, width], row-major. -1 means unassigned (a prediction) or void (ground truth).
struct LabelMap {
  int height = 0;
  int width = 0;
  std::vector<std::int32_t> labels;

  LabelMap() = default;
  LabelMap(int h, int w, std::int32_t fill = -1) : height(h), width(w), labels(std::size_t(h) * std::size_t(w), fill) {}
};

/// Label of pixels that belong to nothing.
inline constexpr std::int32_t no_label = -1;

}  // namespace datus
