// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// Included by files that are compiled for one instruction set: nothing here, or included from here, may be an inline
// function, or the linker could keep a copy of it that other CPUs cannot run.

namespace datus::activation_kernels {

/// values[r * stride + c] = gelu(values[r * stride + c] + bias[c]), the form with the error function.
using AddBiasGelu = void(float* values, std::ptrdiff_t stride, const float* bias, std::int64_t rows,
                         std::int64_t columns);

AddBiasGelu add_bias_gelu_baseline;
AddBiasGelu add_bias_gelu_avx2;
AddBiasGelu add_bias_gelu_avx512;

}  // namespace datus::activation_kernels
