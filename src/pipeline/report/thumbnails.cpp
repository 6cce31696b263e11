// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/thumbnails.hpp"

#include "datus/model/resize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace datus {
namespace {

constexpr int margin_percent = 12;  // of a cut-out's longer side, around the segment

/// What does not belong to the segment: grey with little contrast, neither as dark nor as light as photos may be.
std::uint8_t faint(int red, int green, int blue) {
  return static_cast<std::uint8_t>(84 + (2 * red + 5 * green + blue) / 8 * 28 / 100);
}

/// A line along the inner side of an area.
void draw_outline(Image& picture, const LabelMap& inside) {
  constexpr std::array<std::uint8_t, 3> yellow = {255, 214, 0};
  const auto width = static_cast<std::size_t>(inside.width);
  const auto is_inside = [&](std::size_t y, std::size_t x) { return inside.labels[y * width + x] != 0; };
  for (std::size_t y = 1; y + 1 < static_cast<std::size_t>(inside.height); ++y) {
    for (std::size_t x = 1; x + 1 < width; ++x) {
      const bool is_surrounded =
          is_inside(y - 1, x) && is_inside(y + 1, x) && is_inside(y, x - 1) && is_inside(y, x + 1);
      if (is_inside(y, x) && !is_surrounded)
        std::ranges::copy(yellow, picture.pixels.begin() + 3 * std::ptrdiff_t(y * width + x));
    }
  }
}

PixelBox box_of(const LabelMap& segments, int segment) {
  int top = segments.height;
  int left = segments.width;
  int bottom = -1;
  int right = -1;
  for (int y = 0; y < segments.height; ++y) {
    const auto* row = segments.labels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(segments.width);
    for (int x = 0; x < segments.width; ++x) {
      if (row[x] != segment) continue;
      top = std::min(top, y);
      bottom = y;
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  if (bottom < 0) return {};
  const int margin = std::max(bottom - top, right - left) * margin_percent / 100 + 2;
  top = std::max(0, top - margin);
  left = std::max(0, left - margin);
  bottom = std::min(segments.height - 1, bottom + margin);
  right = std::min(segments.width - 1, right + margin);
  return {.top = top, .left = left, .height = bottom - top + 1, .width = right - left + 1};
}

}  // namespace

Image thumbnail(const Image& original, std::int64_t most_pixels) {
  const auto pixels = static_cast<double>(std::int64_t{original.width} * original.height);
  if (pixels <= static_cast<double>(most_pixels)) return original;
  const double scale = std::sqrt(static_cast<double>(most_pixels) / pixels);
  return resize_image(original, std::max(1, static_cast<int>(original.height * scale)),
                      std::max(1, static_cast<int>(original.width * scale)), Resample::bicubic);
}

LabelMap at_size(const LabelMap& labels, int height, int width) {
  if (labels.height == height && labels.width == width) return labels;
  const auto source = [](int place, int from, int to) {
    return static_cast<std::size_t>((2 * std::int64_t{place} + 1) * from / (2 * std::int64_t{to}));
  };
  std::vector<std::size_t> columns;
  for (int x = 0; x < width; ++x) columns.push_back(source(x, labels.width, width));
  LabelMap result(height, width);
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    const auto row =
        std::span(labels.labels).subspan(source(y, labels.height, height) * static_cast<std::size_t>(labels.width));
    for (const std::size_t x : columns) result.labels[at++] = row[x];
  }
  return result;
}

Image in_colours(const LabelMap& map, const Palette& palette) {
  Image image(map.height, map.width);
  for (std::size_t i = 0; i < map.labels.size(); ++i) {
    const Colour colour = palette.of(map.labels[i]);
    image.pixels[3 * i] = colour.red;
    image.pixels[3 * i + 1] = colour.green;
    image.pixels[3 * i + 2] = colour.blue;
  }
  return image;
}

Image cutout(const Image& original, const LabelMap& segments, int segment, int side) {
  const PixelBox box = box_of(segments, segment);
  Image part(box.height, box.width);
  LabelMap inside(box.height, box.width);
  for (int y = 0; y < box.height; ++y) {
    const auto from = original.row(box.top + y).subspan(static_cast<std::size_t>(box.left) * 3);
    const auto to = part.row(y);
    const auto first = static_cast<std::size_t>(box.top + y) * static_cast<std::size_t>(segments.width) +
                       static_cast<std::size_t>(box.left);
    for (std::size_t x = 0; x < static_cast<std::size_t>(box.width); ++x) {
      const bool is_inside = segments.labels[first + x] == segment;
      inside.labels[static_cast<std::size_t>(y) * static_cast<std::size_t>(box.width) + x] = is_inside ? 1 : 0;
      for (std::size_t i = 3 * x; i < 3 * x + 3; ++i) {
        to[i] = is_inside ? from[i] : faint(from[3 * x], from[3 * x + 1], from[3 * x + 2]);
      }
    }
  }
  const int longer = std::max(part.height, part.width);
  if (longer > side) {
    part = resize_image(part, std::max(1, part.height * side / longer), std::max(1, part.width * side / longer),
                        Resample::bicubic);
    inside = at_size(inside, part.height, part.width);
  }
  draw_outline(part, inside);
  return part;
}

}  // namespace datus
