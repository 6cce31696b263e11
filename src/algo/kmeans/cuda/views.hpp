// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace datus::clustering::gpu {

/// Consecutive local rows in the memory of the GPU, f32 [count, pitch]. Each is filled up with zeros to a multiple of
/// four values: they change no chain of fused multiply-adds, and every row can be read 16 bytes at a time.
struct Slab {
  const float* values;
  /// Local number of the first row.
  std::int64_t first;
  std::int64_t count;
  int dim;
  int pitch;
};

[[nodiscard]] constexpr int pitch_of(int dim) noexcept {
  return (dim + 3) / 4 * 4;
}

/// Centroids in the memory of the GPU.
struct CentroidView {
  /// [K, pitch], as rows are.
  const float* values;
  /// |c|^2, [K].
  const float* norms;
  int clusters;
};

/// Units of the fixed-point numbers, see `FixedPointScales`.
struct Units {
  double sum_scale;
  double inertia_scale;
};

/// What a rank knows of one pair: its rows' labels, and its totals of int64, all in the memory of the GPU.
struct PairView {
  /// [local rows]; -1 before the first pass.
  std::int32_t* labels;
  int clusters;
  /// Of one pass.
  std::int64_t* moved;
  /// [K], [K] and [K, D], of the rows by their labels.
  std::int64_t* counts;
  std::int64_t* squares;
  std::int64_t* sums;
};

}  // namespace datus::clustering::gpu
