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
  using Floats = float __attribute__((vector_size(64)));
  using Integers = std::int32_t __attribute__((vector_size(64)));
  static Integers integers_of(Floats whole) { return __builtin_convertvector(whole, Integers); }
  static Floats floats_of_bits(Integers bits) { return reinterpret_cast<Floats>(bits); }
};

// 8 x 48 accumulators fill 24 of the 32 registers; 8 divides the panel width, so that a tile's rows lie side by side.
constexpr int rows_per_tile = 8;
constexpr int panels_per_tile = 3;

/// Adds up `steps` products; place_of says which dimensions they are of.
template <int panels, class PlaceOf>
void multiply_panels(const float* rows, const float* columns, std::size_t panel_size, int steps, PlaceOf place_of,
                     float* tile) {
  __m512 sums[rows_per_tile][panels];
#pragma GCC unroll 8
  for (int r = 0; r < rows_per_tile; ++r) {
#pragma GCC unroll 3
    for (int p = 0; p < panels; ++p) sums[r][p] = _mm512_setzero_ps();
  }
  const float* column[panels];
  for (int p = 0; p < panels; ++p) column[p] = columns + static_cast<std::size_t>(p) * panel_size;
  for (int step = 0; step < steps; ++step) {
    const std::size_t at = static_cast<std::size_t>(place_of(step)) * panel_width;
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

template <class PlaceOf>
void multiply_steps(const float* packed, int dim, int steps, PlaceOf place_of, int first_row, int first_panel,
                    int panels, float* tile) {
  const std::size_t panel_size = static_cast<std::size_t>(dim) * panel_width;
  const float* rows = packed + static_cast<std::size_t>(first_row / panel_width) * panel_size + first_row % panel_width;
  const float* columns = packed + static_cast<std::size_t>(first_panel) * panel_size;
  if (panels == 3) {
    multiply_panels<3>(rows, columns, panel_size, steps, place_of, tile);
  } else if (panels == 2) {
    multiply_panels<2>(rows, columns, panel_size, steps, place_of, tile);
  } else {
    multiply_panels<1>(rows, columns, panel_size, steps, place_of, tile);
  }
}

void multiply(const float* packed, int dim, int first_row, int first_panel, int panels, float* tile) {
  multiply_steps(
      packed, dim, dim, [](int step) { return step; }, first_row, first_panel, panels, tile);
}

void multiply_listed(const float* packed, int dim, const std::int32_t* listed, int count, int first_row,
                     int first_panel, int panels, float* tile) {
  multiply_steps(
      packed, dim, count, [=](int step) { return listed[step]; }, first_row, first_panel, panels, tile);
}

std::uint16_t compare(const float* values, float threshold) {
  return _mm512_cmp_ps_mask(_mm512_load_ps(values), _mm512_set1_ps(threshold), _CMP_GT_OQ);
}

std::uint16_t soft_weights(const float* cosines, float scale, float* weights) {
  fill_soft_weights<Registers>(cosines, scale, weights);
  return _mm512_cmp_ps_mask(_mm512_load_ps(weights), _mm512_setzero_ps(), _CMP_NEQ_UQ);
}

}  // namespace

Kernel avx512_kernel() {
  return {.tile_rows = rows_per_tile,
          .tile_panels = panels_per_tile,
          .multiply = multiply,
          .multiply_listed = multiply_listed,
          .compare = compare,
          .soft_weights = soft_weights,
          .scale_rows = scale_rows};
}

}  // namespace datus::affinity
