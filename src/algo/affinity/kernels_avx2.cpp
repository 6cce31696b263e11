// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/kernels.hpp"
#include "algo/affinity/soft_panels.hpp"
#include "algo/affinity/unit_rows.hpp"

#include <cstddef>
#include <cstdint>

#include <immintrin.h>

namespace datus::affinity {
namespace {

struct Registers {
  using Floats = float __attribute__((vector_size(32)));
  using Integers = std::int32_t __attribute__((vector_size(32)));
  static Integers integers_of(Floats whole) { return __builtin_convertvector(whole, Integers); }
  static Floats floats_of_bits(Integers bits) { return reinterpret_cast<Floats>(bits); }
};

// 6 x 16 accumulators fill 12 of the 16 registers: enough independent chains to hide the latency of a fused
// multiply-add, and two loads for every three of them.
constexpr int rows_per_tile = 6;

/// Adds up `steps` products; place_of says which dimensions they are of.
template <class PlaceOf>
void multiply_steps(const float* packed, int dim, int steps, PlaceOf place_of, int first_row, int first_panel,
                    float* tile) {
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
  for (int step = 0; step < steps; ++step) {
    const std::size_t at = static_cast<std::size_t>(place_of(step)) * panel_width;
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

void multiply(const float* packed, int dim, int first_row, int first_panel, int /*panels*/, float* tile) {
  multiply_steps(
      packed, dim, dim, [](int step) { return step; }, first_row, first_panel, tile);
}

void multiply_listed(const float* packed, int dim, const std::int32_t* listed, int count, int first_row,
                     int first_panel, int /*panels*/, float* tile) {
  multiply_steps(
      packed, dim, count, [=](int step) { return listed[step]; }, first_row, first_panel, tile);
}

std::uint16_t compare(const float* values, float threshold) {
  const __m256 limit = _mm256_set1_ps(threshold);
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(values), limit, _CMP_GT_OQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(values + 8), limit, _CMP_GT_OQ));
  return static_cast<std::uint16_t>(low | (high << 8));
}

std::uint16_t soft_weights(const float* cosines, float scale, float* weights) {
  fill_soft_weights<Registers>(cosines, scale, weights);
  const __m256 zero = _mm256_setzero_ps();
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(weights), zero, _CMP_NEQ_UQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(weights + 8), zero, _CMP_NEQ_UQ));
  return static_cast<std::uint16_t>(low | (high << 8));
}

}  // namespace

Kernel avx2_kernel() {
  return {.tile_rows = rows_per_tile,
          .tile_panels = 1,
          .multiply = multiply,
          .multiply_listed = multiply_listed,
          .compare = compare,
          .soft_weights = soft_weights,
          .scale_rows = scale_rows};
}

}  // namespace datus::affinity
