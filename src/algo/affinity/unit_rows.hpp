// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

// For the files of paths only, each with a copy of its own: see kernels.hpp.

namespace datus::affinity {

/// Of `together` rows [dim] that follow each other: a sum waits for its own last addition, not for the others'.
template <int together>
static void scale_together(float* rows, std::size_t dim) {
  double sums[together] = {};
  for (std::size_t i = 0; i < dim; ++i) {
#pragma GCC unroll 8
    for (int r = 0; r < together; ++r) {
      const double value = rows[static_cast<std::size_t>(r) * dim + i];
      sums[r] += value * value;  // an exact product
    }
  }
  for (int r = 0; r < together; ++r, rows += dim) {
    if (sums[r] == 0.0) continue;
    const double length = __builtin_sqrt(sums[r]);
    for (std::size_t i = 0; i < dim; ++i) rows[i] = static_cast<float>(static_cast<double>(rows[i]) / length);
  }
}

/// Kernel::scale_rows
static void scale_rows(float* rows, std::size_t count, std::size_t dim) {
  constexpr std::size_t together = 8;
  for (; count >= together; count -= together, rows += together * dim) scale_together<together>(rows, dim);
  for (; count > 0; --count, rows += dim) scale_together<1>(rows, dim);
}

}  // namespace datus::affinity
