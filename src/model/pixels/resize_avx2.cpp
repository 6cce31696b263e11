// SPDX-License-Identifier: Apache-2.0
#include "model/pixels/resize_loops.hpp"

namespace datus::resize_kernels {

void horizontal_avx2(const WidePixel* row, const Window* windows, std::size_t count, std::uint8_t* to) {
  horizontal(row, windows, count, to);
}

void vertical_avx2(const std::uint8_t* from, std::size_t stride, const Window& window, std::size_t bytes,
                   std::uint8_t* to) {
  vertical(from, stride, window, bytes, to);
}

}  // namespace datus::resize_kernels
