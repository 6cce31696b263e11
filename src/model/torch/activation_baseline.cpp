// SPDX-License-Identifier: Apache-2.0
#include "model/torch/activation_loops.hpp"
#include "model/torch/lanes_baseline.hpp"

namespace datus::activation_kernels {

void add_bias_gelu_baseline(float* values, std::ptrdiff_t stride, const float* bias, std::int64_t rows,
                            std::int64_t columns) {
  add_bias_gelu<Lanes>(values, stride, bias, rows, columns);
}

}  // namespace datus::activation_kernels
