// SPDX-License-Identifier: Apache-2.0
#include "algo/scores/pixel_scan_loops.hpp"

namespace datus::pixel_scan_kernels {

void mark_avx2(const Rows<std::int32_t>& rows, std::size_t width, std::uint8_t* flags) {
  mark(rows, width, flags);
}

void mark_avx2(const Rows<std::uint8_t>& rows, std::size_t width, std::uint8_t* flags) {
  mark(rows, width, flags);
}

}  // namespace datus::pixel_scan_kernels
