// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// A corner of pixels: column and row from 0 to width and height.
struct Corner {
  int x = 0;
  int y = 0;
  friend bool operator==(const Corner&, const Corner&) = default;
};

/// One area of a label whose pixels touch each other by an edge.
struct LabelPolygon {
  std::int32_t label = no_label;
  /// Closed, clockwise as the picture is seen, corners of right angles alone. A hole is reached and left on one and the
  /// same line from the nearest corner, so that the area is what an even-odd or a winding rule fills.
  std::vector<Corner> corners;
};

/// All areas of all labels but `no_label`, by their topmost row, then their leftmost pixel in it. Filled, they give the
/// map again.
[[nodiscard]] std::vector<LabelPolygon> label_polygons(const LabelMap& map);

}  // namespace datus
