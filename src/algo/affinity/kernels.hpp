// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// Included by files that are compiled for one instruction set: nothing here, or included from here, may be an inline
// function, or the linker could keep a copy of it that other CPUs cannot run.

namespace datus::affinity {

/// Keys are packed in panels of this many rows: element [panel][d][row in panel], the last panel filled up with zeros.
inline constexpr int panel_width = 16;

/// One path of the product K K^T: how it cuts the matrix into tiles, and how it computes one.
struct Kernel {
  int tile_rows;
  int tile_panels;
  /// tile[r * tile_panels * panel_width + c] = the chain of fused multiply-adds of rows first_row + r and
  /// first_panel * panel_width + c, for all tile_rows rows and the columns of `panels` <= tile_panels panels.
  /// first_row is a multiple of tile_rows; the packed rows reach to first_row + tile_rows.
  void (*multiply)(const float* packed, int dim, int first_row, int first_panel, int panels, float* tile);
  /// The same, of the `count` dimensions alone that `listed` names, in this order.
  void (*multiply_listed)(const float* packed, int dim, const std::int32_t* listed, int count, int first_row,
                          int first_panel, int panels, float* tile);
  /// Bit c of the result: values[c] > threshold, for panel_width values.
  std::uint16_t (*compare)(const float* values, float threshold);
  /// weights[c] = exp((cosines[c] - 1) * scale), 0 where the exponent is below -16 (soft_weights.hpp), for panel_width
  /// values. Bit c of the result: weights[c] is not 0, which one that is no number is not either.
  std::uint16_t (*soft_weights)(const float* cosines, float scale, float* weights);
  /// Rows [count, dim] to unit length, the length in f64 in index order; a row of zeros stays.
  void (*scale_rows)(float* rows, std::size_t count, std::size_t dim);
};

[[nodiscard]] Kernel scalar_kernel();
[[nodiscard]] Kernel avx2_kernel();
[[nodiscard]] Kernel avx512_kernel();

}  // namespace datus::affinity
