// SPDX-License-Identifier: Apache-2.0
#include "kmeans/limit_kernels.hpp"

namespace datus::bench {
namespace {

constexpr int chains = 16;

float sum(const float* values, std::int64_t count, int streams) {
  float sums[chains] = {};
  for (std::int64_t i = 0; i < count; i += chains) {
    for (int s = 0; s < streams; ++s) {
      for (int c = 0; c < chains; ++c) sums[c] += values[s * count + i + c];
    }
  }
  float total = 0.0F;
  for (const float partial : sums) total += partial;
  return total;
}

/// Without instructions for fused ones, a multiplication and an addition: what a plain loop can reach.
float multiply_add(std::int64_t steps) {
  float sums[chains];
  for (int c = 0; c < chains; ++c) sums[c] = static_cast<float>(c);
  for (std::int64_t i = 0; i < steps; ++i) {
    for (float& value : sums) value = value * 0.5F + 1.0F;
  }
  float total = 0.0F;
  for (const float partial : sums) total += partial;
  return total;
}

}  // namespace

LimitKernels scalar_limit_kernels() {
  return {sum, multiply_add, chains};
}

LimitKernels limit_kernels_of(SimdPath path) {
  require_simd_path(path);
  switch (path) {
    case SimdPath::avx512:
      return avx512_limit_kernels();
    case SimdPath::avx2:
      return avx2_limit_kernels();
    case SimdPath::scalar:
      break;
  }
  return scalar_limit_kernels();
}

}  // namespace datus::bench
