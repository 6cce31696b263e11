// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_rows.hpp"
#include "datus/core/simd_path.hpp"

#include <cstddef>

namespace datus::bench {

/// What the threads of this process can do at best, all of them together; the measured maximum of a few tries.
struct MachineLimits {
  /// Bytes per second: a buffer of its own is read, longer than the caches unless told otherwise.
  double memory_read = 0.0;
  /// Bytes per second: the rows themselves are read, block by block as a pass of k-means gets them. More than the above
  /// where a part of them stays in the last cache.
  double rows_read = 0.0;
  /// f32 multiply-adds per second, in registers only.
  double multiply_adds = 0.0;

  [[nodiscard]] double read() const { return memory_read > rows_read ? memory_read : rows_read; }
  /// Keeps the higher of each.
  void take_in(const MachineLimits& other);
};

struct LimitSettings {
  int threads = 1;
  SimdPath path = SimdPath::scalar;
  std::size_t buffer_bytes = std::size_t{1} << 30U;
  /// Seconds for each of the measurements, roughly.
  double seconds = 0.3;
};

[[nodiscard]] MachineLimits measure_limits(const KMeansRows& rows, const LimitSettings& settings);

}  // namespace datus::bench
