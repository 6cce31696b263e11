// SPDX-License-Identifier: Apache-2.0
#include "datus/core/simd_path.hpp"
#include "model/torch/torch_backend.hpp"

#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/version.h>

namespace datus {
namespace {

/// OpenBLAS names the kernels that it chose for this CPU; another BLAS is named by LibTorch's own capability only.
std::string blas_core() {
  using CoreName = char* (*)();
  void* symbol = ::dlsym(RTLD_DEFAULT, "openblas_get_corename");
  if (symbol == nullptr) return "BLAS of LibTorch";
  return std::string("OpenBLAS ") + reinterpret_cast<CoreName>(symbol)();
}

/// "AVX2", "AVX512", … as LibTorch says in its configuration: the call that returns it alone is new in LibTorch 2.
std::string cpu_capability() {
  const std::string configuration = at::show_config();
  const std::string label = "CPU capability usage: ";
  const auto begin = configuration.find(label);
  if (begin == std::string::npos) return "of unknown capability";
  const auto first = begin + label.size();
  return configuration.substr(first, configuration.find('\n', first) - first);
}

}  // namespace

std::string backend_of_cpu() {
  return "cpu " + cpu_capability() + ", LibTorch " + TORCH_VERSION + ", " + blas_core() + ", own kernels " +
         std::string(name(best_simd_path()));
}

}  // namespace datus
