// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace datus {

/// Images that a report shows, unless another number is asked for: as many as one page holds with its pictures inside.
inline constexpr int report_images = 200;
/// Cut-outs of segments that a report has at most.
inline constexpr int report_cutouts = 900;
/// Bytes that all photos and maps take at most of a page that holds them inside, about.
inline constexpr std::int64_t report_picture_bytes = 6'500'000;

/// Bytes of a photo and `maps` label maps for each of their pixels, in base64; measured on street scenes.
[[nodiscard]] constexpr double report_bytes_per_pixel(int maps) {
  return 0.35 + 0.05 * maps;
}

/// Most pixels of a photo, and of each of its maps, where a report shows so many images.
[[nodiscard]] constexpr std::int64_t report_picture_pixels(std::int64_t images, int maps) {
  constexpr std::int64_t most = 640 * 480;
  constexpr std::int64_t fewest = 240 * 180;
  const double room =
      static_cast<double>(report_picture_bytes) / static_cast<double>(std::max<std::int64_t>(1, images));
  return std::clamp(static_cast<std::int64_t>(room / report_bytes_per_pixel(maps)), fewest, most);
}

}  // namespace datus
