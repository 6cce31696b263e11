// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/kernels.hpp"

#include <cmath>
#include <cstddef>

namespace datus::affinity {
namespace {

void multiply(const float* packed, int dim, int first_row, int first_panel, int /*panels*/, float* tile) {
  const std::size_t panel_size = static_cast<std::size_t>(dim) * panel_width;
  const float* row = packed + static_cast<std::size_t>(first_row / panel_width) * panel_size + first_row % panel_width;
  const float* columns = packed + static_cast<std::size_t>(first_panel) * panel_size;
  float sums[panel_width] = {};
  for (int d = 0; d < dim; ++d, row += panel_width, columns += panel_width) {
    for (int c = 0; c < panel_width; ++c) sums[c] = std::fma(*row, columns[c], sums[c]);
  }
  for (int c = 0; c < panel_width; ++c) tile[c] = sums[c];
}

std::uint16_t compare(const float* values, float threshold) {
  unsigned bits = 0;
  for (int c = 0; c < panel_width; ++c)
    bits |= static_cast<unsigned>(values[c] > threshold) << static_cast<unsigned>(c);
  return static_cast<std::uint16_t>(bits);
}

}  // namespace

Kernel scalar_kernel() {
  return {.tile_rows = 1, .tile_panels = 1, .multiply = multiply, .compare = compare};
}

}  // namespace datus::affinity
