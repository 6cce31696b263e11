// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/kernels.hpp"
#include "datus/algo/aligned_vector.hpp"
#include "datus/core/simd_path.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace datus::affinity {

/// The kernel of a path. Throws `UsageError` for one that this CPU lacks.
[[nodiscard]] Kernel kernel_for(SimdPath path);

/// Rows, a few at a time, times a matrix that stays: each product is one sequential f32 chain of fused multiply-adds
/// from +0 in index order, the same bits on every path.
class MatrixProduct {
 public:
  /// `matrix` [columns, length]: products of rows with rows. `length` is that of a row that it is multiplied with.
  MatrixProduct(std::span<const float> matrix, int columns, int length, SimdPath path);

  /// Rows that one call of `multiply` takes.
  [[nodiscard]] int strip_rows() const noexcept { return kernel_.tile_rows; }
  /// Element `i` of row `row` of the next strip, to be written before `multiply`.
  [[nodiscard]] float& strip(int row, int i) noexcept {
    return packed_[static_cast<std::size_t>(i) * panel_width + static_cast<std::size_t>(row)];
  }
  /// Calls visit(row, column, value) for `rows` <= strip_rows() rows of the strip and all columns.
  template <class Visit>
  void multiply(int rows, Visit&& visit);

 private:
  int columns_;
  int length_;
  Kernel kernel_;
  AlignedVector<float> packed_;  ///< a panel with the strip, then those of the matrix
  AlignedVector<float> tile_;
};

template <class Visit>
void MatrixProduct::multiply(int rows, Visit&& visit) {
  const int panels = (columns_ + panel_width - 1) / panel_width;
  const int stride = kernel_.tile_panels * panel_width;
  for (int panel = 0; panel < panels; panel += kernel_.tile_panels) {
    const int count = std::min(kernel_.tile_panels, panels - panel);
    kernel_.multiply(packed_.data(), length_, 0, 1 + panel, count, tile_.data());
    const int first = panel * panel_width;
    const int last = std::min(first + count * panel_width, columns_);
    for (int row = 0; row < rows; ++row) {
      for (int column = first; column < last; ++column)
        visit(row, column, tile_[static_cast<std::size_t>(row * stride + column - first)]);
    }
  }
}

}  // namespace datus::affinity
