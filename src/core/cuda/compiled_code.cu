// SPDX-License-Identifier: Apache-2.0
#include "core/cuda/compiled_code.hpp"
#include "datus/core/cuda/check.hpp"

namespace datus::cuda {

std::vector<CompiledCode> compiled_code() {
  // The compiler's own list: what all kernels of the build were given to. What kind of code was made, CMake alone
  // knows.
  std::vector<int> compiled{__CUDA_ARCH_LIST__};
  for (int& one : compiled) one /= 10;
  return compiled_code(DATUS_CUDA_ARCHITECTURES, compiled);
}

}  // namespace datus::cuda
