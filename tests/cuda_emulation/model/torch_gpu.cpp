// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/torch_gpu.hpp"

#include "recorded_operations.hpp"

#include <map>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include <c10/core/CPUAllocator.h>
#include <cuda_runtime.h>

// LibTorch's part for GPUs, played by its part for CPUs: its operations take place at once, so the stream in which they
// are to be does its own work at once too. What it makes meanwhile lies in memory of the emulated device, and what is
// freed stays with it for its next tensors, as with the real one.

namespace datus::torch_gpu {
namespace {

/// Memory that nobody uses, by its size.
using Spare = std::map<std::size_t, std::vector<void*>>;

/// Memory of the device for LibTorch's tensors.
class Memory {
 public:
  /// From what is spare in `reserved`, which it goes back to, or where that is null from all else.
  void* take(std::size_t bytes, Spare* reserved) {
    const std::scoped_lock lock(mutex_);
    Spare& from = reserved == nullptr ? spare_ : *reserved;
    void* taken = nullptr;
    if (auto& spare = from[bytes]; !spare.empty()) {
      taken = spare.back();
      spare.pop_back();
    } else {
      taken = fresh(bytes, reserved == nullptr);
    }
    taken_[taken] = {bytes, &from};
    return taken;
  }

  /// Whether it was one of these.
  bool give_back(void* pointer) {
    const std::scoped_lock lock(mutex_);
    const auto found = taken_.find(pointer);
    if (found == taken_.end()) return false;
    (*found->second.from)[found->second.bytes].push_back(pointer);
    taken_.erase(found);
    return true;
  }

  /// What was reserved is spare for all, what is in use yet later.
  void give_up(Spare& reserved) {
    const std::scoped_lock lock(mutex_);
    for (auto& [pointer, taken] : taken_) taken.from = taken.from == &reserved ? &spare_ : taken.from;
    for (auto& [bytes, pointers] : reserved) {
      spare_[bytes].insert(spare_[bytes].end(), pointers.begin(), pointers.end());
    }
    reserved.clear();
  }

  void release() {
    const std::scoped_lock lock(mutex_);
    release_locked();
  }

 private:
  struct Taken {
    std::size_t bytes = 0;
    Spare* from = nullptr;
  };

  void* fresh(std::size_t bytes, bool may_release) {
    void* pointer = cuda_emulation::take_for_library(bytes);
    if (pointer != nullptr) return pointer;
    if (may_release) release_locked();
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
  Spare spare_;
  std::map<void*, Taken> taken_;
};

Memory& memory() {
  // Never destroyed: tensors may go after it.
  static auto& of_process = *new Memory;
  return of_process;
}

/// How many `OnStream` there are on this thread.
thread_local int on_device = 0;

/// Where tensors of this thread lie, if memory is reserved for them.
thread_local Spare* reserved_of_thread = nullptr;

/// As LibTorch's own lock: it gives nothing back while memory is reserved.
std::shared_mutex& giving_back() {
  static std::shared_mutex of_process;
  return of_process;
}

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
    cudaStream_t const stream = stream_of_operations();
    TORCH_CHECK(
        !is_of_device || reserved_of_thread != nullptr || stream == nullptr || !cuda_emulation::is_recording(stream),
        "a recorded tensor lies in memory that others will get");
    void* const pointer = is_of_device ? memory().take(bytes, reserved_of_thread)
                                       : c10::GetDefaultCPUAllocator()->allocate(bytes).release_context();
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
  OperationsOfStream operations{stream};
};

OnStream::OnStream(const cuda::Stream& stream, int /*index*/) : guard_(new Guard{.stream = stream.get()}) {
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

struct ReservedMemory::State {
  Spare spare;
};

ReservedMemory::ReservedMemory(int /*gpu*/) : state_(new State) {}

ReservedMemory::~ReservedMemory() {
  memory().give_up(state_->spare);
}

struct ReservedMemory::Use::State {
  std::shared_lock<std::shared_mutex> lock;
};

ReservedMemory::Use::Use(ReservedMemory& memory, const cuda::Stream& /*stream*/)
    : state_(new State{std::shared_lock(giving_back())}) {
  TORCH_CHECK(reserved_of_thread == nullptr, "memory is reserved already");
  reserved_of_thread = &memory.state_->spare;
}

ReservedMemory::Use::~Use() {
  reserved_of_thread = nullptr;
}

void give_spare_memory_back() {
  const std::scoped_lock lock(giving_back());
  memory().release();
}

std::string library_versions() {
  return "emulated cuBLAS and cuDNN";
}

}  // namespace datus::torch_gpu
