// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/simd_path.hpp"

#include <cstdint>

// Included by files that are compiled for one instruction set: no inline function here.

namespace datus::bench {

/// `LimitKernels::sum` takes this many values at a time.
inline constexpr int sum_unit = 128;

/// Loops that do nothing but what limits a machine, for one SIMD path. Results are returned so that no compiler can
/// leave the work out.
struct LimitKernels {
  /// The sum of f32 [streams][count], the streams read side by side; `streams` is 1, 2 or 4, and
  /// streams * count a multiple of `sum_unit`.
  float (*sum)(const float* values, std::int64_t count, int streams);
  /// `steps` steps of fused multiply-adds in registers, in enough independent chains to keep all units busy.
  float (*multiply_add)(std::int64_t steps);
  /// Multiply-adds of one step.
  int multiply_adds_per_step;
};

[[nodiscard]] LimitKernels scalar_limit_kernels();
[[nodiscard]] LimitKernels avx2_limit_kernels();
[[nodiscard]] LimitKernels avx512_limit_kernels();

/// Throws `UsageError` when this CPU cannot run `path`.
[[nodiscard]] LimitKernels limit_kernels_of(SimdPath path);

}  // namespace datus::bench
