// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/simd_path.hpp"

#include <ATen/core/Tensor.h>

namespace datus {

/// hidden = gelu(hidden + bias) in place: [T, H] float32 with contiguous values in each row, and [H]. GELU is the form
/// with the error function, x Φ(x); the absolute error is below 1e-7 (1 + |x|). Runs on the calling thread; each value
/// depends on itself and its bias only. Paths differ in the last bits.
void add_bias_gelu(at::Tensor& hidden, const at::Tensor& bias, SimdPath path = best_simd_path());

}  // namespace datus
