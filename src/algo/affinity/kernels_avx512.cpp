// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/kernels.hpp"

#include <cstddef>

#include <immintrin.h>

namespace datus::affinity {
namespace {

// 8 x 48 accumulators fill 24 of the 32 registers; 8 divides the panel width, so that a tile's rows lie side by side.
constexpr int rows_per_tile = 8;
constexpr int panels_per_tile = 3;

template <int panels>
void multiply_panels(const float* rows, const float* columns, std::size_t panel_size, float* tile) {
  __m512 sums[rows_per_tile][panels];
#pragma GCC unroll 8
  for (int r = 0; r < rows_per_tile; ++r) {
#pragma GCC unroll 3
    for (int p = 0; p < panels; ++p) sums[r][p] = _mm512_setzero_ps();
  }
  const float* column[panels];
  for (int p = 0; p < panels; ++p) column[p] = columns + static_cast<std::size_t>(p) * panel_size;
  for (std::size_t at = 0; at < panel_size; at += panel_width) {
    __m512 values[panels];
#pragma GCC unroll 3
    for (int p = 0; p < panels; ++p) values[p] = _mm512_load_ps(column[p] + at);
#pragma GCC unroll 8
    for (int r = 0; r < rows_per_tile; ++r) {
      const __m512 value = _mm512_set1_ps(rows[at + static_cast<std::size_t>(r)]);
#pragma GCC unroll 3
      for (int p = 0; p < panels; ++p) sums[r][p] = _mm512_fmadd_ps(value, values[p], sums[r][p]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows_per_tile; ++r) {
#pragma GCC unroll 3
    for (int p = 0; p < panels; ++p) {
      _mm512_store_ps(tile + (r * panels_per_tile + p) * panel_width, sums[r][p]);
    }
  }
}

void multiply(const float* packed, int dim, int first_row, int first_panel, int panels, float* tile) {
  const std::size_t panel_size = static_cast<std::size_t>(dim) * panel_width;
  const float* rows = packed + static_cast<std::size_t>(first_row / panel_width) * panel_size + first_row % panel_width;
  const float* columns = packed + static_cast<std::size_t>(first_panel) * panel_size;
  if (panels == 3) {
    multiply_panels<3>(rows, columns, panel_size, tile);
  } else if (panels == 2) {
    multiply_panels<2>(rows, columns, panel_size, tile);
  } else {
    multiply_panels<1>(rows, columns, panel_size, tile);
  }
}

std::uint16_t compare(const float* values, float threshold) {
  return _mm512_cmp_ps_mask(_mm512_load_ps(values), _mm512_set1_ps(threshold), _CMP_GT_OQ);
}

}  // namespace

Kernel avx512_kernel() {
  return {.tile_rows = rows_per_tile, .tile_panels = panels_per_tile, .multiply = multiply, .compare = compare};
}

}  // namespace datus::affinity
