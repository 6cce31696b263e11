// SPDX-License-Identifier: Apache-2.0
#include "device.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define EMULATION_POISONS 1
#else
#define EMULATION_POISONS 0
#endif

namespace cuda_emulation {
namespace {

struct Allocation {
  std::size_t bytes = 0;
  /// None for pinned memory of the host, which all of them reach.
  int device = -1;
  /// The host may touch it too.
  bool is_open = false;
  /// Counts all that were ever taken.
  std::uint64_t serial = 0;
};

std::map<std::uintptr_t, Allocation>& allocations() {
  static std::map<std::uintptr_t, Allocation> of_all;
  return of_all;
}

std::uint64_t next_serial() {
  static std::uint64_t last = 0;
  return ++last;
}

std::uintptr_t address_of(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

/// The allocation in which an address lies, or the end.
auto find(std::uintptr_t address) {
  auto found = allocations().upper_bound(address);
  if (found == allocations().begin()) return allocations().end();
  --found;
  return address - found->first < found->second.bytes ? found : allocations().end();
}

/// On all devices.
std::size_t in_use() {
  std::size_t bytes = 0;
  for (const auto& [address, allocation] : allocations()) bytes += allocation.device >= 0 ? allocation.bytes : 0;
  return bytes;
}

std::size_t in_use_on(int device) {
  std::size_t bytes = 0;
  for (const auto& [address, allocation] : allocations()) {
    if (allocation.device == device) bytes += allocation.bytes;
  }
  return bytes;
}

/// Whether a copy by the stream may use these bytes: of the host, or the whole of them in an allocation of its device.
bool may_copy(const void* pointer, std::size_t bytes, const StreamState& stream) {
  const std::uintptr_t begin = address_of(pointer);
  const auto found = find(begin);
  if (found == allocations().end()) return true;
  const auto& [first, allocation] = *found;
  const bool is_inside = begin - first + bytes <= allocation.bytes;
  return is_inside && (allocation.device < 0 || allocation.device == stream.device);
}

/// How many pieces of work run.
int& at_work() {
  static int count = 0;
  return count;
}

void keep_host_away([[maybe_unused]] std::uintptr_t address, [[maybe_unused]] std::size_t bytes) {
#if EMULATION_POISONS
  __asan_poison_memory_region(reinterpret_cast<void*>(address), bytes);
#endif
}

void* take(std::size_t bytes, Allocation allocation) {
  void* const pointer = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(pointer, 0xFF, bytes);
  allocation.serial = next_serial();
  allocations()[address_of(pointer)] = allocation;
  Counters& counted = mutable_counters();
  counted.peak_memory = std::max(counted.peak_memory, in_use());
  return pointer;
}

/// Counts a copy between the host and a device.
void count_copy(const void* to, const void* from, std::size_t bytes) {
  const auto is_on_device = [](const void* pointer) {
    const auto found = find(address_of(pointer));
    return found != allocations().end() && found->second.device >= 0;
  };
  Counters& counted = mutable_counters();
  if (is_on_device(to) && !is_on_device(from)) {
    ++counted.copies_up;
    counted.bytes_up += bytes;
  } else if (!is_on_device(to) && is_on_device(from)) {
    ++counted.copies_down;
    counted.bytes_down += bytes;
  }
}

void let_in([[maybe_unused]] std::uintptr_t address, [[maybe_unused]] std::size_t bytes) {
#if EMULATION_POISONS
  __asan_unpoison_memory_region(reinterpret_cast<void*>(address), bytes);
#endif
}

}  // namespace

DeviceAtWork::DeviceAtWork() {
  if (at_work()++ > 0) return;
  for (const auto& [address, allocation] : allocations()) let_in(address, allocation.bytes);
}

DeviceAtWork::~DeviceAtWork() {
  if (--at_work() > 0) return;
  for (const auto& [address, allocation] : allocations()) {
    if (allocation.device >= 0 && !allocation.is_open) keep_host_away(address, allocation.bytes);
  }
}

std::size_t memory_in_use() {
  const std::scoped_lock lock(device_mutex());
  return in_use();
}

Counters& mutable_counters() {
  static Counters of_all;
  return of_all;
}

Counters counters() {
  const std::scoped_lock lock(device_mutex());
  return mutable_counters();
}

void forget_counters() {
  const std::scoped_lock lock(device_mutex());
  mutable_counters() = {};
  mutable_counters().peak_memory = in_use();
}

MemoryIdentity identity_of(std::uintptr_t address) {
  const std::scoped_lock lock(device_mutex());
  const auto found = find(address);
  return found == allocations().end() ? MemoryIdentity{} : MemoryIdentity{found->first, found->second.serial};
}

void* take_for_library(std::size_t bytes) {
  int device = 0;
  if (enter(device) != cudaSuccess) return nullptr;
  const std::scoped_lock lock(device_mutex());
  if (in_use_on(device) + bytes > machine().memory) return nullptr;
  return take(bytes, {bytes, device, true});
}

void give_back_of_library(void* pointer) {
  const std::scoped_lock lock(device_mutex());
  allocations().erase(address_of(pointer));
  std::free(pointer);
}

cudaError_t check_parameter(const void* value, std::size_t bytes, bool is_pointer, StreamState* stream) {
  const std::scoped_lock lock(device_mutex());
  for (std::size_t i = 0; i + sizeof(std::uintptr_t) <= bytes; i += sizeof(std::uintptr_t)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, static_cast<const char*>(value) + i, sizeof(word));
    const auto found = find(word);
    const bool is_known = found != allocations().end();
    if (is_known && found->second.device >= 0 && found->second.device != stream->device) {
      return fail(cudaErrorIllegalAddress);
    }
    if (is_pointer && word != 0 && !is_known) return fail(cudaErrorIllegalAddress);
    if (is_known) use_memory(stream, reinterpret_cast<const void*>(word));
  }
  return cudaSuccess;
}

}  // namespace cuda_emulation

using namespace cuda_emulation;

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  *total = machine().memory;
  *free = machine().memory - std::min(machine().memory, in_use_on(device));
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  if (const cudaError_t problem = refuse_while_recording(); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (in_use_on(device) + bytes > machine().memory) return fail(cudaErrorMemoryAllocation);
  *pointer = take(bytes, {bytes, device});
  if (at_work() == 0) keep_host_away(address_of(*pointer), bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void* pointer) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  if (const cudaError_t problem = refuse_while_recording(); problem != cudaSuccess) return problem;
  if (pointer == nullptr) return cudaSuccess;
  // As on a card: all of its work ends first.
  drain_device(device);
  const std::scoped_lock lock(device_mutex());
  const auto found = allocations().find(address_of(pointer));
  if (found == allocations().end() || found->second.device != device) return fail(cudaErrorInvalidValue);
  let_in(found->first, found->second.bytes);
  allocations().erase(found);
  std::free(pointer);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  if (const cudaError_t problem = refuse_while_recording(); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  *pointer = std::malloc(bytes);
  std::memset(*pointer, 0xFF, bytes);
  allocations()[address_of(*pointer)] = {bytes, -1, false, next_serial()};
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* pointer) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  if (const cudaError_t problem = refuse_while_recording(); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  allocations().erase(address_of(pointer));
  std::free(pointer);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (!may_copy(to, bytes, *stream) || !may_copy(from, bytes, *stream)) return fail(cudaErrorInvalidValue);
  if (!is_recording(stream)) count_copy(to, from, bytes);
  use_memory(stream, to);
  use_memory(stream, from);
  enqueue(stream, [=] { std::memmove(to, from, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (!may_copy(to, bytes, *stream) || find(address_of(to)) == allocations().end()) return fail(cudaErrorInvalidValue);
  use_memory(stream, to);
  enqueue(stream, [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}
