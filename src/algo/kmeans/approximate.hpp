// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/host_device.hpp"

#include <cmath>

namespace datus::clustering {

/// By how much the score of a row and a centroid from tensor cores may differ from the one of real numbers, and
/// infinite where nothing can be said. The norms are |x|^2 and |c|^2, the latter rounded to f32.
///
/// Tensor cores take f32 numbers as TF32, 10 bits of fraction, by rounding or by leaving bits out: 2^-10 of each factor
/// at most, so 2^-9 + 2^-20 of |x| |c| for the product (Cauchy-Schwarz). They add up in f32, in an order of their own,
/// and may leave out bits instead of rounding: 2^-22 for each addition is at least twice what they are known to lose
/// (Fasi et al., "Numerical behavior of NVIDIA tensor cores", 2021). The norm and the last operation round by 2^-24.
/// Numbers too small for a normal f32 may count as 0.
[[nodiscard]] DATUS_HOST_DEVICE inline double approximate_score_error(int dim, double row_norm, float centroid_norm) {
  constexpr double infinite = HUGE_VAL;
  constexpr float overflow = 0x1p124F;
  // NaN fails the comparison.
  if (!(row_norm < static_cast<double>(overflow) && centroid_norm < overflow) || dim > 100'000) return infinite;
  // At least the lengths: of coordinates whose squares are too small for f32, too.
  const double x = 1.01 * std::sqrt(row_norm) + 1e-20;
  const double c = 1.01 * std::sqrt(static_cast<double>(centroid_norm)) + 1e-20;
  const double additions = (dim + 8) * 0x1p-22;
  const double product = (0x1p-9 + 0x1p-20 + 1.1 * additions) * x * c + dim * 0x1p-125 * (1.0 + x + c);
  return 2.0 * product + 0x1p-22 * (2.0 * x * c + c * c);
}

}  // namespace datus::clustering
