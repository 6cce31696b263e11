// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/check.hpp"

#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"

#include <string>

namespace datus::cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  // The last error is CUDA's to keep: taken, so that a later check does not report it again.
  static_cast<void>(cudaGetLastError());
  const std::string problem = std::string("The GPU refused ") + what;
  const std::string why = std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
  if (status == cudaErrorMemoryAllocation) {
    throw DeviceMemoryError(problem, why,
                            "Use a smaller model.batch_size, or a GPU that no other program uses (see nvidia-smi).");
  }
  throw SystemError(problem, why, "Run it again; if it stays, test the card with model.device: cpu beside it.");
}

bool check_done(cudaError_t status, const char* what) {
  if (status == cudaErrorNotReady) {
    // No error, but CUDA keeps it for the next who asks for one.
    static_cast<void>(cudaGetLastError());
    return false;
  }
  check(status, what);
  return true;
}

void check_in_destructor(cudaError_t status, const char* what) noexcept {
  if (status == cudaSuccess) return;
  try {
    log::warning(std::string("the GPU refused ") + what + ": " + cudaGetErrorString(status));
  } catch (...) {
    // There is nowhere left to say it.
  }
}

namespace {

int index_in_use() {
  int index = 0;
  check(cudaGetDevice(&index), "the number of the GPU in use");
  return index;
}

}  // namespace

void use_gpu(int index) {
  if (index_in_use() != index) check(cudaSetDevice(index), "to be chosen");
}

HomeGpu HomeGpu::in_use() {
  return HomeGpu(index_in_use());
}

void HomeGpu::use() const noexcept {
  int index = -1;
  if (index_ < 0 || (cudaGetDevice(&index) == cudaSuccess && index == index_)) return;
  check_in_destructor(cudaSetDevice(index_), "to be chosen again");
}

}  // namespace datus::cuda
