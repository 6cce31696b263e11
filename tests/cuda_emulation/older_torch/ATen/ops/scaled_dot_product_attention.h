// SPDX-License-Identifier: Apache-2.0
#pragma once

// What LibTorch 2 has and the model for GPUs calls, for tests with LibTorch 1.13. It is looked for after LibTorch's own.

#include <cmath>

#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

namespace at {

inline Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(-1)));
  return matmul(softmax(matmul(query, key.transpose(-2, -1)).mul_(scale), -1), value);
}

}  // namespace at
