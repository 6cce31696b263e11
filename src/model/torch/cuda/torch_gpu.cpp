// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/torch_gpu.hpp"

#include "datus/core/error.hpp"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <cublas_v2.h>

namespace datus::torch_gpu {
namespace {

c10::DeviceIndex device_index(int index) {
  return static_cast<c10::DeviceIndex>(index);
}

int cublas_property(libraryPropertyType which) {
  int value = 0;
  if (cublasGetProperty(which, &value) != CUBLAS_STATUS_SUCCESS) {
    throw SystemError("cuBLAS does not tell its version", "cublasGetProperty failed",
                      "Install LibTorch and CUDA anew.");
  }
  return value;
}

/// Of the library that runs; older LibTorch knows the one that it was built with.
template <class Hooks>
long cudnn_version(const Hooks& hooks) {
  if (!hooks.hasCuDNN()) return 0;
  if constexpr (requires { hooks.versionRuntimeCuDNN(); }) {
    return hooks.versionRuntimeCuDNN();
  } else {
    return hooks.versionCuDNN();
  }
}

/// 91501 is 9.15.1; before version 9, 8907 was 8.9.7.
std::string cudnn_text(long version) {
  if (version == 0) return "no cuDNN";
  const long major = version >= 90'000 ? 10'000 : 1'000;
  return "cuDNN " + std::to_string(version / major) + "." + std::to_string(version % major / 100) + "." +
         std::to_string(version % 100);
}

}  // namespace

c10::Device device(int index) {
  return {c10::kCUDA, device_index(index)};
}

struct OnStream::Guard {
  c10::cuda::CUDAStreamGuard guard;
};

OnStream::OnStream(const cuda::Stream& stream, int index)
    : guard_(
          new Guard{c10::cuda::CUDAStreamGuard(c10::cuda::getStreamFromExternal(stream.get(), device_index(index)))}) {}

OnStream::~OnStream() = default;

void give_spare_memory_back() {
  c10::cuda::CUDACachingAllocator::emptyCache();
}

std::string library_versions() {
  return "cuBLAS " + std::to_string(cublas_property(MAJOR_VERSION)) + "." +
         std::to_string(cublas_property(MINOR_VERSION)) + "." + std::to_string(cublas_property(PATCH_LEVEL)) + ", " +
         cudnn_text(cudnn_version(at::detail::getCUDAHooks()));
}

}  // namespace datus::torch_gpu
