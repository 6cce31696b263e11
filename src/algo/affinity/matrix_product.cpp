// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/matrix_product.hpp"

namespace datus::affinity {

Kernel kernel_for(SimdPath path) {
  return for_path(path, scalar_kernel, avx2_kernel, avx512_kernel)();
}

MatrixProduct::MatrixProduct(std::span<const float> matrix, int columns, int length, SimdPath path)
    : columns_(columns), length_(length), kernel_(kernel_for(path)) {
  const auto panels = static_cast<std::size_t>((columns + panel_width - 1) / panel_width);
  const auto size = static_cast<std::size_t>(length);
  packed_.resize((1 + panels) * size * panel_width);
  tile_.resize(static_cast<std::size_t>(kernel_.tile_rows) * static_cast<std::size_t>(kernel_.tile_panels) *
               panel_width);
  for (std::size_t column = 0; column < static_cast<std::size_t>(columns); ++column) {
    float* to = packed_.data() + (1 + column / panel_width) * size * panel_width + column % panel_width;
    for (std::size_t i = 0; i < size; ++i) to[i * panel_width] = matrix[column * size + i];
  }
}

}  // namespace datus::affinity
