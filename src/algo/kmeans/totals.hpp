// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/host_device.hpp"

#include <cmath>
#include <cstdint>

namespace datus::clustering {

/// What a GPU computes from a cluster's totals too, so that it does it in the same way.

/// One coordinate of a centroid that f32 holds: sum / (count * scale), rounded once to f32.
[[nodiscard]] DATUS_HOST_DEVICE inline float mean_of(std::int64_t sum, std::int64_t count, double scale) {
  return static_cast<float>(static_cast<double>(sum) / (static_cast<double>(count) * scale));
}

/// The totals of one cluster. `sums`: [D], in units of `sum_unit`; `square`: the sum of |x|^2, in units of
/// 1 / `inertia_scale`. Both are powers of two.
struct ClusterTotals {
  const std::int64_t* sums;
  std::int64_t count;
  std::int64_t square;
  double sum_unit;
  double inertia_scale;
};

/// The inertia of a cluster's rows to `centroid` [D], |x|^2 summed up - 2 sum.c + count |c|^2. `T`: f64, or f32 where
/// that holds the centroid. Static: files of SIMD paths must have a copy of their own.
template <class T>
[[nodiscard]] DATUS_HOST_DEVICE static double inertia_of_totals(const ClusterTotals& totals, const T* centroid,
                                                                int dim) {
  const auto count = static_cast<double>(totals.count);
  // sum.c and count |c|^2 / 2 are nearly equal: their difference, coordinate by coordinate, keeps more digits.
  double rest = 0.0;
  for (int d = 0; d < dim; ++d) {
    const auto centre = static_cast<double>(centroid[d]);
    const double sum = static_cast<double>(totals.sums[d]) * totals.sum_unit;
    rest = std::fma(centre, std::fma(-2.0, sum, count * centre), rest);
  }
  const double inertia = static_cast<double>(totals.square) / totals.inertia_scale + rest;
  // Written so that what is not a number has no inertia.
  return inertia > 0.0 ? inertia : 0.0;
}

}  // namespace datus::clustering
