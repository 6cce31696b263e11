// SPDX-License-Identifier: Apache-2.0
#include "cuda_runtime.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cuda_emulation {

struct StreamState {
  int device = 0;
  /// Each piece says whether it is done, or has to wait for something and be tried again.
  std::deque<std::function<bool()>> work;
  bool running = false;
};

struct EventState {
  /// Until it is destroyed; marks of it that stand in streams keep it, as on a card.
  std::shared_ptr<EventState> self;
  StreamState* stream = nullptr;
  /// Counts records; the last one that was passed.
  std::uint64_t recorded = 0;
  std::uint64_t passed = 0;
};

namespace {

/// One device for all threads of the host: it does one thing at a time.
std::recursive_mutex& device_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

std::map<void*, std::size_t>& allocations() {
  static std::map<void*, std::size_t> of_device;
  return of_device;
}

std::vector<StreamState*>& streams() {
  static std::vector<StreamState*> all;
  return all;
}

std::map<const void*, std::size_t>& raised_shared_memory() {
  static std::map<const void*, std::size_t> of_kernels;
  return of_kernels;
}

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t fail(cudaError_t error) {
  last_error = error;
  return error;
}

/// Does the next piece of the stream's work, if there is one that need not wait. Returns whether it did.
bool run_one(StreamState& stream) {
  if (stream.running || stream.work.empty()) return false;
  auto work = std::move(stream.work.front());
  stream.work.pop_front();
  stream.running = true;
  bool done = true;
  try {
    done = work();
  } catch (...) {
    stream.running = false;
    throw;
  }
  stream.running = false;
  if (!done) stream.work.push_front(std::move(work));
  return done;
}

/// The next piece of a stream's work; while that has to wait, those of its device's other streams: on a card they do
/// not stand still.
bool run_next(StreamState& stream) {
  if (run_one(stream)) return true;
  bool some = false;
  for (StreamState* other : streams()) {
    if (other != &stream && other->device == stream.device && !stream.work.empty()) some |= run_one(*other);
  }
  return some;
}

/// Calls `step`, which says whether it did something, until `over`. Between two calls others may use the device: what
/// is waited for may be their work.
template <class Over, class Step>
void work_until(const Over& over, const Step& step) {
  while (true) {
    {
      const std::scoped_lock lock(device_mutex());
      if (over()) return;
      if (step()) continue;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

/// Ends the work of a stream; at once where another thread has destroyed it.
void drain(StreamState* stream) {
  work_until([=] { return std::ranges::find(streams(), stream) == streams().end() || stream->work.empty(); },
             [=] { return run_next(*stream); });
}

void drain_device(int device) {
  std::vector<StreamState*> of_device;
  {
    const std::scoped_lock lock(device_mutex());
    std::ranges::copy_if(streams(), std::back_inserter(of_device), [=](auto* s) { return s->device == device; });
  }
  for (StreamState* stream : of_device) drain(stream);
}

/// Whether the mark is passed, once its stream did the next piece of its work.
bool passes(EventState& event, std::uint64_t mark) {
  if (event.passed < mark && event.stream != nullptr) run_next(*event.stream);
  return event.passed >= mark;
}

}  // namespace

Machine& machine() {
  static Machine one = [] {
    Machine made;
    // For programs, which cannot set it otherwise.
    if (const char* const bytes = std::getenv("DATUS_EMULATED_MEMORY"); bytes != nullptr) {
      made.memory = std::strtoull(bytes, nullptr, 10);
    }
    return made;
  }();
  return one;
}

std::size_t shared_memory_limit(const void* kernel) {
  const std::scoped_lock lock(device_mutex());
  const auto raised = raised_shared_memory().find(kernel);
  return raised == raised_shared_memory().end() ? std::size_t{48} << 10U : raised->second;
}

std::size_t memory_in_use() {
  const std::scoped_lock lock(device_mutex());
  std::size_t bytes = 0;
  for (const auto& [pointer, size] : allocations()) bytes += size;
  return bytes;
}

void enqueue(StreamState* stream, std::function<void()> work) {
  enqueue_waiting(stream, [work = std::move(work)] {
    work();
    return true;
  });
}

void enqueue_waiting(StreamState* stream, std::function<bool()> work) {
  const std::scoped_lock lock(device_mutex());
  stream->work.push_back(std::move(work));
}

void with_device(const std::function<void()>& action) {
  const std::scoped_lock lock(device_mutex());
  action();
}

}  // namespace cuda_emulation

using namespace cuda_emulation;

const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaSuccess                 ? "cudaSuccess"
         : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
         : error == cudaErrorNotReady         ? "cudaErrorNotReady"
                                              : "cudaError";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess                   ? "no error"
         : error == cudaErrorMemoryAllocation   ? "out of memory"
         : error == cudaErrorNoDevice           ? "no CUDA-capable device is detected"
         : error == cudaErrorInsufficientDriver ? "CUDA driver version is insufficient for CUDA runtime version"
                                                : "emulated error";
}
cudaError_t cudaGetLastError() {
  return std::exchange(last_error, cudaSuccess);
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = machine().driver_version;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  if (machine().driver_version < 13000) return fail(cudaErrorInsufficientDriver);
  if (machine().devices == 0) return fail(cudaErrorNoDevice);
  *count = machine().devices;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= machine().devices) return fail(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= machine().devices) return fail(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "Emulated GPU");
  properties->uuid.bytes[15] = static_cast<char>(device);
  properties->totalGlobalMem = machine().memory;
  properties->major = 9;
  properties->multiProcessorCount = 4;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > 227 << 10) {
    return fail(cudaErrorInvalidValue);
  }
  const std::scoped_lock lock(device_mutex());
  raised_shared_memory()[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = machine().memory;
  *free = machine().memory - std::min(machine().memory, memory_in_use());
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  const std::scoped_lock lock(device_mutex());
  if (memory_in_use() + bytes > machine().memory) return fail(cudaErrorMemoryAllocation);
  *pointer = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*pointer, 0xFF, bytes);
  allocations()[*pointer] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  // As on a card: all of its work ends first.
  drain_device(current_device);
  const std::scoped_lock lock(device_mutex());
  if (allocations().erase(pointer) == 0) return fail(cudaErrorInvalidValue);
  std::free(pointer);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  *pointer = std::malloc(bytes);
  std::memset(*pointer, 0xFF, bytes);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* pointer) {
  std::free(pointer);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  enqueue(stream, [=] { std::memmove(to, from, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  enqueue(stream, [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const std::scoped_lock lock(device_mutex());
  *stream = new StreamState{.device = current_device, .work = {}, .running = false};
  streams().push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  drain(stream);
  const std::scoped_lock lock(device_mutex());
  std::erase(streams(), stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  drain(stream);
  return cudaSuccess;
}
// A query lets some work get done, as time does on a card.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const std::scoped_lock lock(device_mutex());
  run_next(*stream);
  return stream->work.empty() ? cudaSuccess : fail(cudaErrorNotReady);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::scoped_lock lock(device_mutex());
  enqueue_waiting(stream, [event = event->self, mark = event->recorded] { return passes(*event, mark); });
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  const auto made = std::make_shared<EventState>();
  made->self = made;
  *event = made.get();
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::scoped_lock lock(device_mutex());
  event->self.reset();
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::scoped_lock lock(device_mutex());
  event->stream = stream;
  // An earlier record may be passed later, in another stream.
  enqueue(stream, [event = event->self, mark = ++event->recorded] { event->passed = std::max(event->passed, mark); });
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  work_until([=] { return event->passed == event->recorded; }, [=] { return run_next(*event->stream); });
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::scoped_lock lock(device_mutex());
  return passes(*event, event->recorded) ? cudaSuccess : fail(cudaErrorNotReady);
}
