// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

struct Point {
  double x = 0;
  double y = 0;
};

/// Gives each pixel whose middle lies inside, by the even-odd rule, the label; nobody may have had it before.
inline void fill_polygon(const std::vector<Point>& corners, std::int32_t label, LabelMap& map) {
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      bool is_inside = false;
      for (std::size_t i = 0; i < corners.size(); ++i) {
        const Point& a = corners[i];
        const Point& b = corners[(i + 1) % corners.size()];
        if ((a.y > y + 0.5) == (b.y > y + 0.5)) continue;
        if (x + 0.5 < a.x + (y + 0.5 - a.y) / (b.y - a.y) * (b.x - a.x)) is_inside = !is_inside;
      }
      if (!is_inside) continue;
      auto& pixel =
          map.labels[static_cast<std::size_t>(y) * static_cast<std::size_t>(map.width) + static_cast<std::size_t>(x)];
      EXPECT_EQ(pixel, no_label) << "two polygons overlap";
      pixel = label;
    }
  }
}

}  // namespace datus::test
