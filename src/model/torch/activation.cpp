// SPDX-License-Identifier: Apache-2.0
#include "model/torch/activation.hpp"

#include "model/torch/activation_kernels.hpp"

namespace datus {
void add_bias_gelu(at::Tensor& hidden, const at::Tensor& bias, SimdPath path) {
  using namespace activation_kernels;
  const auto add = for_path(path, add_bias_gelu_baseline, add_bias_gelu_avx2, add_bias_gelu_avx512);
  add(hidden.data_ptr<float>(), hidden.stride(0), bias.data_ptr<float>(), hidden.size(0), hidden.size(1));
}

}  // namespace datus
