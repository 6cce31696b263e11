// SPDX-License-Identifier: Apache-2.0
#include "device.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace cuda_emulation {

namespace {

std::vector<StreamState*>& streams() {
  static std::vector<StreamState*> all;
  return all;
}

std::map<const void*, std::size_t>& raised_shared_memory() {
  static std::map<const void*, std::size_t> of_kernels;
  return of_kernels;
}

/// Devices on which the process has a context.
std::set<int>& contexts() {
  static std::set<int> of_process;
  return of_process;
}

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;
thread_local std::set<int> entered_by_thread;

std::size_t shared_memory_limit(const void* kernel) {
  const auto raised = raised_shared_memory().find(kernel);
  return raised == raised_shared_memory().end() ? std::size_t{48} << 10U : raised->second;
}

/// Does the next piece of the stream's work, if there is one that need not wait. Returns whether it did.
bool run_one(StreamState& stream) {
  if (stream.running || stream.work.empty()) return false;
  auto work = std::move(stream.work.front());
  stream.work.pop_front();
  stream.running = true;
  bool done = true;
  try {
    const DeviceAtWork at_work;
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

bool is_busy(int device) {
  return std::ranges::any_of(streams(), [=](const StreamState* s) { return s->device == device && !s->work.empty(); });
}

/// A wait of the host, which may leave a device without work.
template <class Wait>
void wait_for(int device, const Wait& wait) {
  bool was_busy = false;
  {
    const std::scoped_lock lock(device_mutex());
    was_busy = is_busy(device);
  }
  wait();
  const std::scoped_lock lock(device_mutex());
  if (was_busy && !is_busy(device)) ++mutable_counters().drains;
}

void write_drains() {
  std::ofstream(std::getenv("DATUS_EMULATED_DRAINS"), std::ios::app) << counters().drains << std::endl;
}

void write_launches() {
  std::ofstream(std::getenv("DATUS_EMULATED_LAUNCHES"), std::ios::app) << counters().launches << std::endl;
}

void write_bytes_up() {
  std::ofstream(std::getenv("DATUS_EMULATED_BYTES_UP"), std::ios::app) << counters().bytes_up << std::endl;
}

/// Whether the mark is passed, once its stream did the next piece of its work.
bool passes(EventState& event, std::uint64_t mark) {
  if (event.passed < mark && event.stream != nullptr) run_next(*event.stream);
  return event.passed >= mark;
}

}  // namespace

std::recursive_mutex& device_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

cudaError_t fail(cudaError_t error) {
  last_error = error;
  return error;
}

cudaError_t enter(int& device) {
  const std::scoped_lock lock(device_mutex());
  device = current_device;
  const bool is_second = !contexts().empty() && !contexts().contains(device);
  if (machine().is_exclusive && is_second) return fail(cudaErrorDevicesUnavailable);
  contexts().insert(device);
  entered_by_thread.insert(device);
  return cudaSuccess;
}

std::set<int> contexts_of_thread() {
  return entered_by_thread;
}

void drain_device(int device) {
  std::vector<StreamState*> of_device;
  {
    const std::scoped_lock lock(device_mutex());
    std::ranges::copy_if(streams(), std::back_inserter(of_device), [=](auto* s) { return s->device == device; });
  }
  wait_for(device, [&] {
    for (StreamState* stream : of_device) drain(stream);
  });
}

Machine& machine() {
  static Machine one = [] {
    Machine made;
    // For programs, which cannot set it otherwise.
    if (const char* const bytes = std::getenv("DATUS_EMULATED_MEMORY"); bytes != nullptr) {
      made.memory = std::strtoull(bytes, nullptr, 10);
    }
    if (const char* const count = std::getenv("DATUS_EMULATED_INSTANCES"); count != nullptr) {
      made.instances = std::max(1, std::atoi(count));
    }
    if (const char* const capability = std::getenv("DATUS_EMULATED_CAPABILITY"); capability != nullptr) {
      made.capabilities = {std::atoi(capability)};
    }
    if (const char* const architectures = std::getenv("DATUS_EMULATED_ARCHITECTURES"); architectures != nullptr) {
      made.architectures = architectures;
    }
    made.is_exclusive = std::getenv("DATUS_EMULATED_EXCLUSIVE") != nullptr;
    if (std::getenv("DATUS_EMULATED_DRAINS") != nullptr) (void)std::atexit(write_drains);
    if (std::getenv("DATUS_EMULATED_LAUNCHES") != nullptr) (void)std::atexit(write_launches);
    if (std::getenv("DATUS_EMULATED_BYTES_UP") != nullptr) (void)std::atexit(write_bytes_up);
    return made;
  }();
  return one;
}

cudaError_t check_launch(dim3 blocks, dim3 threads, std::size_t shared_bytes, StreamState* stream, const void* kernel) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  // What all cards from compute capability 8.0 on take.
  const std::uint64_t all = std::uint64_t{threads.x} * threads.y * threads.z;
  const bool fits_block = all >= 1 && all <= 1024 && threads.z <= 64;
  const bool fits_grid = blocks.x >= 1 && blocks.y >= 1 && blocks.z >= 1 && blocks.x <= 0x7FFFFFFFU &&
                         blocks.y <= 65535 && blocks.z <= 65535;
  if (!fits_block || !fits_grid) return fail(cudaErrorInvalidConfiguration);
  if (shared_bytes > shared_memory_limit(kernel)) return fail(cudaErrorInvalidValue);
  if (stream->device != device) return fail(cudaErrorInvalidResourceHandle);
  if (stream->recording == nullptr) ++mutable_counters().launches;
  return cudaSuccess;
}

void enqueue(StreamState* stream, std::function<void()> work) {
  enqueue_waiting(stream, [work = std::move(work)] {
    work();
    return true;
  });
}

void enqueue_waiting(StreamState* stream, std::function<bool()> work) {
  bool at_once = false;
  {
    const std::scoped_lock lock(device_mutex());
    if (stream->recording != nullptr) {
      stream->recording->recorded.work.push_back(std::move(work));
      return;
    }
    stream->work.push_back(std::move(work));
    at_once = stream->at_once;
  }
  if (at_once) drain(stream);
}

void set_work_at_once(StreamState* stream, bool at_once) {
  drain(stream);
  const std::scoped_lock lock(device_mutex());
  stream->at_once = at_once;
}

void with_device(const std::function<void()>& action) {
  const std::scoped_lock lock(device_mutex());
  const DeviceAtWork at_work;
  action();
}

}  // namespace cuda_emulation

using namespace cuda_emulation;

const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaSuccess                 ? "cudaSuccess"
         : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
         : error == cudaErrorNotReady         ? "cudaErrorNotReady"
         : error == cudaErrorIllegalAddress   ? "cudaErrorIllegalAddress"
                                              : "cudaError";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess                         ? "no error"
         : error == cudaErrorMemoryAllocation         ? "out of memory"
         : error == cudaErrorNoDevice                 ? "no CUDA-capable device is detected"
         : error == cudaErrorDevicesUnavailable       ? "CUDA-capable device(s) is/are busy or unavailable"
         : error == cudaErrorInvalidResourceHandle    ? "invalid resource handle"
         : error == cudaErrorInvalidConfiguration     ? "invalid configuration argument"
         : error == cudaErrorIllegalAddress           ? "an illegal memory access was encountered"
         : error == cudaErrorStreamCaptureUnsupported ? "operation not permitted when stream is capturing"
         : error == cudaErrorNotSupported             ? "operation not supported"
         : error == cudaErrorStreamCaptureInvalidated ? "operation failed due to a previous error during capture"
         : error == cudaErrorInsufficientDriver       ? "CUDA driver version is insufficient for CUDA runtime version"
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
  // As since CUDA 12: a context is made at once.
  return enter(device);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= machine().devices) return fail(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "Emulated GPU");
  properties->uuid.bytes[15] = static_cast<char>(device);
  properties->pciBusID = 0x17 + device / machine().instances;
  properties->totalGlobalMem = machine().memory;
  const std::vector<int>& capabilities = machine().capabilities;
  const int capability = capabilities[std::min(static_cast<std::size_t>(device), capabilities.size() - 1)];
  properties->major = capability / 10;
  properties->minor = capability % 10;
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
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  *stream = new StreamState{.device = device, .work = {}, .running = false};
  streams().push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  drain(stream);
  const std::scoped_lock lock(device_mutex());
  std::erase(streams(), stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  {
    const std::scoped_lock lock(device_mutex());
    if (stream->recording != nullptr) return break_recording(*stream, cudaErrorStreamCaptureUnsupported);
  }
  wait_for(device, [=] { drain(stream); });
  return cudaSuccess;
}
// A query lets some work get done, as time does on a card.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (stream->recording != nullptr) return break_recording(*stream, cudaErrorStreamCaptureUnsupported);
  run_next(*stream);
  return stream->work.empty() ? cudaSuccess : fail(cudaErrorNotReady);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (event->recording != nullptr && event->recording == stream->recording.get()) return cudaSuccess;
  if (stream->recording != nullptr) return break_recording(*stream, cudaErrorStreamCaptureIsolation);
  // On a card the stream would be recorded too; nobody here means that.
  if (event->recording != nullptr) return fail(cudaErrorCapturedEvent);
  enqueue_waiting(stream, [event = event->self, mark = event->recorded] { return passes(*event, mark); });
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const auto made = std::make_shared<EventState>();
  made->device = device;
  made->self = made;
  *event = made.get();
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  event->self.reset();
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (event->device != stream->device) return fail(cudaErrorInvalidResourceHandle);
  event->stream = stream;
  event->recording = stream->recording.get();
  if (event->recording != nullptr) return cudaSuccess;
  // An earlier record may be passed later, in another stream.
  enqueue(stream, [event = event->self, mark = ++event->recorded] { event->passed = std::max(event->passed, mark); });
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  if (event->recording != nullptr) return fail(cudaErrorCapturedEvent);
  wait_for(device, [=] {
    work_until([=] { return event->passed == event->recorded; }, [=] { return run_next(*event->stream); });
  });
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (event->recording != nullptr) return fail(cudaErrorCapturedEvent);
  return passes(*event, event->recorded) ? cudaSuccess : fail(cudaErrorNotReady);
}
