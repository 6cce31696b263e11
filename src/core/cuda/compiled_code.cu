// SPDX-License-Identifier: Apache-2.0
#include "core/cuda/compiled_code.hpp"
#include "datus/core/cuda/check.hpp"

namespace datus::cuda {

std::vector<int> compiled_capabilities() {
  // The compiler's own list: what all kernels of the build were given to.
  std::vector<int> all{__CUDA_ARCH_LIST__};
  for (int& one : all) one /= 10;
  return all;
}

}  // namespace datus::cuda
