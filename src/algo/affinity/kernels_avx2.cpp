// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/kernels.hpp"

#include <cstddef>

#include <immintrin.h>

namespace datus::affinity {
namespace {

// 6 x 16 accumulators fill 12 of the 16 registers: enough independent chains to hide the latency of a fused
// multiply-add, and two loads for every three of them.
constexpr int rows_per_tile = 6;

void multiply(const float* packed, int dim, int first_row, int first_panel, int /*panels*/, float* tile) {
  const std::size_t panel_size = static_cast<std::size_t>(dim) * panel_width;
  const float* columns = packed + static_cast<std::size_t>(first_panel) * panel_size;
  const float* rows[rows_per_tile];
  for (int r = 0; r < rows_per_tile; ++r) {
    const int row = first_row + r;
    rows[r] = packed + static_cast<std::size_t>(row / panel_width) * panel_size + row % panel_width;
  }
  __m256 low[rows_per_tile];
  __m256 high[rows_per_tile];
#pragma GCC unroll 6
  for (int r = 0; r < rows_per_tile; ++r) low[r] = high[r] = _mm256_setzero_ps();
  const std::size_t end = panel_size;
  for (std::size_t at = 0; at < end; at += panel_width) {
    const __m256 column_low = _mm256_load_ps(columns + at);
    const __m256 column_high = _mm256_load_ps(columns + at + 8);
#pragma GCC unroll 6
    for (int r = 0; r < rows_per_tile; ++r) {
      const __m256 value = _mm256_broadcast_ss(rows[r] + at);
      low[r] = _mm256_fmadd_ps(value, column_low, low[r]);
      high[r] = _mm256_fmadd_ps(value, column_high, high[r]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows_per_tile; ++r) {
    _mm256_store_ps(tile + r * panel_width, low[r]);
    _mm256_store_ps(tile + r * panel_width + 8, high[r]);
  }
}

std::uint16_t compare(const float* values, float threshold) {
  const __m256 limit = _mm256_set1_ps(threshold);
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(values), limit, _CMP_GT_OQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(values + 8), limit, _CMP_GT_OQ));
  return static_cast<std::uint16_t>(low | (high << 8));
}

}  // namespace

Kernel avx2_kernel() {
  return {.tile_rows = rows_per_tile, .tile_panels = 1, .multiply = multiply, .compare = compare};
}

}  // namespace datus::affinity
