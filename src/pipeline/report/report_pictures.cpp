// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/report_pictures.hpp"

#include "datus/model/resize.hpp"

#include <algorithm>
#include <array>

namespace datus {
namespace {

constexpr int colour_percent = 62;  // of the colour in a covered pixel; the rest is the photo
constexpr int dimmed_percent = 35;  // brightness of pixels without a label
constexpr std::uint8_t line_level = 245;

std::uint8_t mix(std::uint8_t photo, std::uint8_t colour) {
  return static_cast<std::uint8_t>((photo * (100 - colour_percent) + colour * colour_percent) / 100);
}

}  // namespace

Image thumbnail(const Image& original, int width) {
  if (original.width <= width) return original;
  const int height = std::max(1, static_cast<int>(std::int64_t{original.height} * width / original.width));
  return resize_image(original, height, width, Resample::bicubic);
}

LabelMap at_size_of(const LabelMap& labels, const Image& picture) {
  LabelMap result(picture.height, picture.width);
  for (int y = 0; y < picture.height; ++y) {
    const auto source_y = (2 * std::int64_t{y} + 1) * labels.height / (2 * std::int64_t{picture.height});
    for (int x = 0; x < picture.width; ++x) {
      const auto source_x = (2 * std::int64_t{x} + 1) * labels.width / (2 * std::int64_t{picture.width});
      result
          .labels[static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) + static_cast<std::size_t>(x)] =
          labels.labels[static_cast<std::size_t>(source_y * labels.width + source_x)];
    }
  }
  return result;
}

Image overlay(const Image& picture, const LabelMap& labels, const Palette& palette) {
  Image result = picture;
  const auto width = static_cast<std::size_t>(picture.width);
  const auto label_at = [&](int y, int x) {
    return labels.labels[static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)];
  };
  for (int y = 0; y < picture.height; ++y) {
    auto row = result.row(y);
    for (int x = 0; x < picture.width; ++x) {
      auto pixel = row.subspan(static_cast<std::size_t>(x) * 3, 3);
      const std::int32_t label = label_at(y, x);
      const bool border = (x + 1 < picture.width && label_at(y, x + 1) != label) ||
                          (y + 1 < picture.height && label_at(y + 1, x) != label);
      if (border) {
        std::fill(pixel.begin(), pixel.end(), line_level);
      } else if (label < 0) {
        for (auto& value : pixel) value = static_cast<std::uint8_t>(value * dimmed_percent / 100);
      } else {
        const Colour colour = palette.of(label);
        const std::array<std::uint8_t, 3> rgb = {colour.red, colour.green, colour.blue};
        for (std::size_t c = 0; c < 3; ++c) pixel[c] = mix(pixel[c], rgb[c]);
      }
    }
  }
  return result;
}

}  // namespace datus
