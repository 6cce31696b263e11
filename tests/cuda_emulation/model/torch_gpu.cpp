// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/torch_gpu.hpp"

#include <map>
#include <mutex>
#include <vector>

#include <c10/core/CPUAllocator.h>
#include <cuda_runtime.h>

// LibTorch's part for GPUs, played by its part for CPUs: its operations take place at once, so the stream in which they
// are to be does its own work at once too. What it makes meanwhile lies in memory of the emulated device, and what is
// freed stays with it for its next tensors, as with the real one.

namespace datus::torch_gpu {
namespace {

/// Memory of the device for LibTorch's tensors.
class Memory {
 public:
  void* take(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    void* taken = nullptr;
    if (auto& spare = spare_[bytes]; !spare.empty()) {
      taken = spare.back();
      spare.pop_back();
    } else {
      taken = fresh(bytes);
    }
    size_of_[taken] = bytes;
    return taken;
  }

  /// Whether it was one of these.
  bool give_back(void* pointer) {
    const std::scoped_lock lock(mutex_);
    const auto found = size_of_.find(pointer);
    if (found == size_of_.end()) return false;
    spare_[found->second].push_back(pointer);
    size_of_.erase(found);
    return true;
  }

  void release() {
    const std::scoped_lock lock(mutex_);
    release_locked();
  }

 private:
  void* fresh(std::size_t bytes) {
    void* pointer = cuda_emulation::take_for_library(bytes);
    if (pointer != nullptr) return pointer;
    release_locked();
    pointer = cuda_emulation::take_for_library(bytes);
    TORCH_CHECK_WITH(OutOfMemoryError, pointer != nullptr, "CUDA out of memory. Tried to allocate ", bytes, " bytes.");
    return pointer;
  }
  void release_locked() {
    for (auto& [bytes, pointers] : spare_) {
      for (void* pointer : pointers) cuda_emulation::give_back_of_library(pointer);
    }
    spare_.clear();
  }

  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> spare_;
  std::map<void*, std::size_t> size_of_;
};

Memory& memory() {
  // Never destroyed: tensors may go after it.
  static auto& of_process = *new Memory;
  return of_process;
}

/// How many `OnStream` there are on this thread.
thread_local int on_device = 0;

/// LibTorch's allocator for CPUs, with a device's memory where a model computes. Without `override`: LibTorch 2 has
/// other qualifiers on these functions than LibTorch 1, and more of them.
class DeviceAllocator final : public c10::Allocator {
 public:
  // NOLINTBEGIN(modernize-use-override)
  c10::DataPtr allocate(std::size_t bytes) const { return made(bytes); }
  c10::DataPtr allocate(std::size_t bytes) { return made(bytes); }
  void copy_data(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }
  c10::DeleterFnPtr raw_deleter() const { return &give_back; }
  // NOLINTEND(modernize-use-override)

 private:
  static c10::DataPtr made(std::size_t bytes) {
    const bool is_of_device = on_device > 0 && bytes > 0;
    void* const pointer =
        is_of_device ? memory().take(bytes) : c10::GetDefaultCPUAllocator()->allocate(bytes).release_context();
    return {pointer, pointer, &give_back, c10::Device(c10::kCPU)};
  }
  static void give_back(void* pointer) {
    if (!memory().give_back(pointer)) c10::GetDefaultCPUAllocator()->raw_deleter()(pointer);
  }
};

}  // namespace

c10::Device device(int /*index*/) {
  return c10::kCPU;
}

struct OnStream::Guard {
  cudaStream_t stream;
};

OnStream::OnStream(const cuda::Stream& stream, int /*index*/) : guard_(new Guard{stream.get()}) {
  static DeviceAllocator allocator;
  static std::once_flag once;
  std::call_once(once, [] { c10::SetCPUAllocator(&allocator, 255); });
  cuda_emulation::set_work_at_once(guard_->stream, true);
  ++on_device;
}

OnStream::~OnStream() {
  --on_device;
  cuda_emulation::set_work_at_once(guard_->stream, false);
}

void give_spare_memory_back() {
  memory().release();
}

std::string library_versions() {
  return "emulated cuBLAS and cuDNN";
}

}  // namespace datus::torch_gpu
