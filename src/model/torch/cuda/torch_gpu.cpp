// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/torch_gpu.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <exception>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
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

/// LibTorch's allocator, one for the process, gives nothing back while memory is reserved, and fails when it is asked
/// to.
std::shared_mutex& giving_back() {
  static std::shared_mutex of_process;
  return of_process;
}

using PoolId = decltype(at::cuda::graph_pool_handle());

/// Whether this LibTorch lets others reserve memory for work that they choose. As a template, so that older ones
/// compile.
template <class Allocator>
constexpr bool can_reserve = requires(Allocator& allocator, PoolId pool) {
  allocator.beginAllocateToPool(0, pool, std::function<bool(cudaStream_t)>());
  allocator.endAllocateToPool(0, pool);
  allocator.releasePool(0, pool);
};

template <class Allocator>
void begin_reserving(Allocator& allocator, int gpu, PoolId pool, cudaStream_t stream) {
  if constexpr (can_reserve<Allocator>) {
    allocator.beginAllocateToPool(device_index(gpu), pool, [=](cudaStream_t asked) { return asked == stream; });
  } else {
    throw SystemError("LibTorch keeps no memory for CUDA graphs", "it is older than 2.3", "Take a newer LibTorch.");
  }
}

template <class Allocator>
void end_reserving(Allocator& allocator, int gpu, PoolId pool) {
  if constexpr (can_reserve<Allocator>) allocator.endAllocateToPool(device_index(gpu), pool);
}

template <class Allocator>
void release(Allocator& allocator, int gpu, PoolId pool) {
  if constexpr (can_reserve<Allocator>) allocator.releasePool(device_index(gpu), pool);
}

/// For destructors.
template <class Action>
void or_say_so(const Action& action) noexcept {
  try {
    action();
  } catch (const std::exception& error) {
    log::warning(std::string("LibTorch's memory for CUDA graphs: ") + error.what());
  }
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

struct ReservedMemory::State {
  int gpu;
  PoolId pool = at::cuda::graph_pool_handle();
  /// LibTorch counts those who use it, and forgets it after the last one: this one stays.
  bool is_held = false;
};

ReservedMemory::ReservedMemory(int gpu) : state_(new State{.gpu = gpu}) {}

ReservedMemory::~ReservedMemory() {
  if (!state_->is_held) return;
  or_say_so([&] { release(*c10::cuda::CUDACachingAllocator::get(), state_->gpu, state_->pool); });
}

struct ReservedMemory::Use::State {
  std::shared_lock<std::shared_mutex> lock;
  ReservedMemory::State& memory;
};

ReservedMemory::Use::Use(ReservedMemory& memory, const cuda::Stream& stream)
    : state_(new State{std::shared_lock(giving_back()), *memory.state_}) {
  const ReservedMemory::State& reserved = state_->memory;
  begin_reserving(*c10::cuda::CUDACachingAllocator::get(), reserved.gpu, reserved.pool, stream.get());
}

ReservedMemory::Use::~Use() {
  or_say_so([&] {
    ReservedMemory::State& reserved = state_->memory;
    auto& allocator = *c10::cuda::CUDACachingAllocator::get();
    end_reserving(allocator, reserved.gpu, reserved.pool);
    if (std::exchange(reserved.is_held, true)) release(allocator, reserved.gpu, reserved.pool);
  });
}

void give_spare_memory_back() {
  const std::scoped_lock lock(giving_back());
  c10::cuda::CUDACachingAllocator::emptyCache();
}

std::string library_versions() {
  return "cuBLAS " + std::to_string(cublas_property(MAJOR_VERSION)) + "." +
         std::to_string(cublas_property(MINOR_VERSION)) + "." + std::to_string(cublas_property(PATCH_LEVEL)) + ", " +
         cudnn_text(cudnn_version(at::detail::getCUDAHooks()));
}

}  // namespace datus::torch_gpu
