// SPDX-License-Identifier: Apache-2.0
#pragma once

// A CUDA runtime on the CPU, for tests on machines without a card: the files in folders named cuda are compiled with
// this header in the place of NVIDIA's, by the C++ compiler. It has what those files use, and nothing else.
//
// - Kernels run for real, each CUDA thread as a fiber: barriers, shuffles, votes, shared memory and atomics work.
// - Work of a stream waits until somebody waits for it, so that a result that is read too early is not there yet, and
//   host memory that goes too early is missed (the address sanitizer sees it).
// - Memory of the device is filled with a pattern that is NaN in all floating-point types. The address sanitizer sees a
//   host that touches it.
// - Each call makes a context where CUDA's does: a process, or a thread that plays one, can be asked on which devices
// it has some.
// - What is put into a stream that records is kept for its graph, which fails when memory that it uses has gone. Memory
// is
//   neither taken nor given back by a thread that records, and nobody waits for the stream.
// - Refused are streams, events and memory of another device, memory of the host where a kernel takes a pointer, copies
// past
//   the end, and launches beyond what any card takes.
// What it cannot show: races between threads of a block that no barrier separates, pointers of the host inside of
// structures, and speed.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// As nvcc does for -DCMAKE_CUDA_ARCHITECTURES="80;90".
#define __CUDA_ARCH_LIST__ 800, 900
// Which kind of code that is, a test may choose.
#define DATUS_CUDA_ARCHITECTURES cuda_emulation::machine().architectures

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorDevicesUnavailable = 46,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901,
  cudaErrorStreamCaptureIsolation = 905,
  cudaErrorCapturedEvent = 907,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDefault = 4 };
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal = 0,
  cudaStreamCaptureModeThreadLocal = 1,
  cudaStreamCaptureModeRelaxed = 2
};
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  constexpr dim3() = default;
  constexpr dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
  unsigned x;
  unsigned y;
  unsigned z;
};
struct float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}

struct cudaUUID_t {
  char bytes[16];
};
struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  int pciDomainID;
  int pciBusID;
  int pciDeviceID;
  std::size_t totalGlobalMem;
  int major;
  int minor;
  int multiProcessorCount;
};

namespace cuda_emulation {

struct StreamState;
struct EventState;
struct Recorded;
struct Executable;

/// What the emulated machine has. Set before use; tests put it back.
struct Machine {
  int devices = 4;
  /// Of so many devices each is an instance (MIG) of one card.
  int instances = 1;
  int driver_version = 13000;
  /// Of each device.
  std::size_t memory = std::size_t{4} << 30;
  /// Compute capabilities, times ten: of device 0, 1, …, and of those after them the last one.
  std::vector<int> capabilities = {90};
  /// What the program is compiled for, with commas.
  std::string architectures = "80,90";
  /// Other ranks have the other cards to themselves (compute mode EXCLUSIVE_PROCESS): a context on a second one is
  /// refused.
  bool is_exclusive = false;
  /// Whether streams can record.
  bool has_graphs = true;
  /// Graphs leave their first piece of work out.
  bool graphs_err = false;
};
Machine& machine();
/// Bytes of device memory in use on all devices: 0 when nothing leaks.
std::size_t memory_in_use();
/// The devices on which calls of this thread have made, or would have made, a context.
std::set<int> contexts_of_thread();

/// The indices of the CUDA thread that runs now.
struct Place {
  uint3 thread{};
  uint3 block{};
  dim3 block_size;
  dim3 grid_size;
};
Place& place();

/// Runs a grid of blocks, one after the other, `body` being the kernel with its arguments.
void run_grid(dim3 blocks, dim3 threads, std::size_t shared_bytes, const std::function<void()>& body);
void enqueue(StreamState* stream, std::function<void()> work);
/// Work that says whether it is done. What follows in the stream waits until it is.
void enqueue_waiting(StreamState* stream, std::function<bool()> work);
/// Whether what is put into the stream is recorded.
bool is_recording(StreamState* stream);
/// Work that is put into it uses this memory, which must still be there when a record of it is run.
void use_memory(StreamState* stream, const void* pointer);
/// From now on a stream does its work when it is given it, as if the card were infinitely fast; or no longer.
void set_work_at_once(StreamState* stream, bool at_once);
/// Memory of the device of this thread for a library that works there in the emulation's place, null where it does not
/// suffice; the host may touch it.
void* take_for_library(std::size_t bytes);
void give_back_of_library(void* pointer);
/// Runs `action` while nothing runs on the device.
void with_device(const std::function<void()>& action);

void block_barrier();
void warp_barrier();
/// The value that lane `lane` of this warp brought to the same call.
std::uint64_t exchange(std::uint64_t mine, int lane);
unsigned ballot(bool predicate);
int lane();
/// The dynamic shared memory of the block.
void* shared_memory();
/// Whether a card would take this launch.
cudaError_t check_launch(dim3 blocks, dim3 threads, std::size_t shared_bytes, StreamState* stream, const void* kernel);
/// Whether a kernel on the device of the stream can use this parameter: no address of another device in it, and where
/// it is a pointer, memory that the device reaches.
cudaError_t check_parameter(const void* value, std::size_t bytes, bool is_pointer, StreamState* stream);

/// Copies to shared memory that the CUDA thread has started: done when it waits for them, not before.
void start_copy(std::function<void()> copy);
void commit_copies();
/// Waits for all but the last `pending` commits.
void wait_for_copies(std::size_t pending);

}  // namespace cuda_emulation

using cudaStream_t = cuda_emulation::StreamState*;
using cudaEvent_t = cuda_emulation::EventState*;
using cudaGraph_t = cuda_emulation::Recorded*;
using cudaGraphExec_t = cuda_emulation::Executable*;

const char* cudaGetErrorString(cudaError_t error);
const char* cudaGetErrorName(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaMalloc(void** pointer, std::size_t bytes);
cudaError_t cudaFree(void* pointer);
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes);
cudaError_t cudaFreeHost(void* pointer);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value);

struct cudaLaunchAttribute;
/// Members as in NVIDIA's, under other names: theirs are macros here.
struct cudaLaunchConfig_t {
  dim3 blocks;
  dim3 threads;
  std::size_t shared_bytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attributes;
  unsigned attribute_count;
};

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  cudaError_t problem = cuda_emulation::check_launch(config->blocks, config->threads, config->shared_bytes,
                                                     config->stream, reinterpret_cast<const void*>(kernel));
  const auto check = [&](const auto& value) {
    if (problem != cudaSuccess) return;
    constexpr bool is_pointer = std::is_pointer_v<std::remove_cvref_t<decltype(value)>>;
    problem = cuda_emulation::check_parameter(&value, sizeof(value), is_pointer, config->stream);
  };
  (check(Parameters(arguments)), ...);
  if (problem != cudaSuccess) return problem;
  cuda_emulation::enqueue(config->stream, [config = *config, kernel, ... values = Parameters(arguments)] {
    cuda_emulation::run_grid(config.blocks, config.threads, config.shared_bytes, [&] { kernel(values...); });
  });
  return cudaSuccess;
}

// What the CUDA compiler knows by itself.
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
// Blocks run one after the other, in one thread of the host at a time.
#define __shared__ static
#define __constant__ static
#define threadIdx (::cuda_emulation::place().thread)
#define blockIdx (::cuda_emulation::place().block)
#define blockDim (::cuda_emulation::place().block_size)
#define gridDim (::cuda_emulation::place().grid_size)

inline void __syncthreads() {
  cuda_emulation::block_barrier();
}
inline void __syncwarp(unsigned = 0xFFFFFFFFU) {
  cuda_emulation::warp_barrier();
}
template <class T>
T __shfl_sync(unsigned, T value, int source, int = 32) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = cuda_emulation::exchange(bits, source & 31);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int = 32) {
  return __shfl_sync(mask, value, cuda_emulation::lane() ^ lanes);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int = 32) {
  const int source = cuda_emulation::lane() + static_cast<int>(lanes);
  return __shfl_sync(mask, value, source > 31 ? cuda_emulation::lane() : source);
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  return cuda_emulation::ballot(predicate != 0);
}
inline int __any_sync(unsigned, int predicate) {
  return cuda_emulation::ballot(predicate != 0) != 0;
}
inline int __all_sync(unsigned, int predicate) {
  return cuda_emulation::ballot(predicate == 0) == 0;
}

template <class T>
T atomicAdd(T* to, T value) {
  const T before = *to;
  *to = before + value;
  return before;
}
template <class T>
T atomicMax(T* to, T value) {
  const T before = *to;
  if (value > before) *to = value;
  return before;
}
template <class T>
T atomicMin(T* to, T value) {
  const T before = *to;
  if (value < before) *to = value;
  return before;
}
template <class T>
T atomicOr(T* to, T value) {
  const T before = *to;
  *to = before | value;
  return before;
}
template <class T>
T __ldg(const T* from) {
  return *from;
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline double __fma_rn(double a, double b, double c) {
  return std::fma(a, b, c);
}
inline double __dmul_rn(double a, double b) {
  return a * b;
}
inline double __dadd_rn(double a, double b) {
  return a + b;
}
inline double __ddiv_rn(double a, double b) {
  return a / b;
}
inline double __dsqrt_rn(double value) {
  return std::sqrt(value);
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __double2float_rn(double value) {
  return static_cast<float>(value);
}
inline double __ll2double_rn(long long value) {
  return static_cast<double>(value);
}
inline long long __double2ll_rn(double value) {
  return std::llrint(value);
}
inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline int __popc(unsigned bits) {
  return __builtin_popcount(bits);
}
inline int __ffs(int bits) {
  return __builtin_ffs(bits);
}
