// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace datus::refine_detail {

/// Cells of step x step pixels, those at the right and lower edge smaller, with windows of `radius` cells to each side.
struct CellGrid {
  int height = 0;
  int width = 0;
  int step = 1;
  int radius = 1;

  [[nodiscard]] std::size_t cells() const { return std::size_t(height) * std::size_t(width); }
  /// 1 / the number of cells in the window around a cell.
  [[nodiscard]] double share(int y, int x) const {
    const auto reach = [&](int at, int length) {
      return std::min(length - 1, at + radius) - std::max(0, at - radius) + 1;
    };
    return 1.0 / (reach(y, height) * reach(x, width));
  }
};

/// Calls body(cell, first row, first column, end row, end column) for each cell.
template <class Body>
void for_each_cell(int image_height, int image_width, const CellGrid& grid, Body body) {
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      body(std::size_t(y) * std::size_t(grid.width) + std::size_t(x), y * grid.step, x * grid.step,
           std::min((y + 1) * grid.step, image_height), std::min((x + 1) * grid.step, image_width));
    }
  }
}

/// What the models of a guided filter need of an image's colours alone.
struct Guide {
  using Colour = std::array<double, 3>;
  /// For each cell, from 0 to 1.
  std::vector<Colour> colours;
  /// For the window around each cell: its mean, and the inverse of its covariance + epsilon: rr, rg, rb, gg, gb, bb.
  std::vector<Colour> means;
  std::vector<std::array<double, 6>> inverses;
};

[[nodiscard]] Guide guide_of(const Image& image, const CellGrid& grid, double epsilon);

}  // namespace datus::refine_detail
