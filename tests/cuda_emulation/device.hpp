// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "counters.hpp"
#include "cuda_runtime.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

// What the files of the emulated runtime know of each other.

namespace cuda_emulation {

/// Work that was recorded.
struct Recorded {
  int device = 0;
  std::vector<std::function<bool()>> work;
  /// The memory that it uses: where it begins, and which one of those that have begun there.
  std::map<std::uintptr_t, std::uint64_t> memory;
};

/// Recorded work that can be run.
struct Executable {
  Recorded recorded;
};

/// A stream that records, and the thread which made it do so.
struct Recording {
  Recorded recorded;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread = std::this_thread::get_id();
  bool is_broken = false;
};

struct StreamState {
  int device = 0;
  /// Each piece says whether it is done, or has to wait for something and be tried again.
  std::deque<std::function<bool()>> work;
  bool running = false;
  bool at_once = false;
  std::unique_ptr<Recording> recording{};
};

struct EventState {
  int device = 0;
  /// Until it is destroyed; marks of it that stand in streams keep it, as on a card.
  std::shared_ptr<EventState> self;
  StreamState* stream = nullptr;
  /// Counts records; the last one that was passed.
  std::uint64_t recorded = 0;
  std::uint64_t passed = 0;
  /// Where its last record was recorded instead of done.
  const Recording* recording = nullptr;
};

/// One machine for all threads of the host: its devices do one thing at a time.
std::recursive_mutex& device_mutex();

/// The error, which is kept for cudaGetLastError too.
cudaError_t fail(cudaError_t error);

/// The device of the calling thread, on which there is a context from now on; what keeps it from one otherwise.
cudaError_t enter(int& device);

/// What keeps this thread from calls that a recording forbids, which they break.
cudaError_t refuse_while_recording();
/// Ends what a stream records in an error, and returns this one.
cudaError_t break_recording(StreamState& stream, cudaError_t error);
/// Which memory lies at this address, and where it begins; 0 for what nobody has taken by these functions.
struct MemoryIdentity {
  std::uintptr_t begin = 0;
  std::uint64_t serial = 0;
};
MemoryIdentity identity_of(std::uintptr_t address);

/// Those that `counters` returns, to be added to; `device_mutex` guards them.
Counters& mutable_counters();

/// Ends all work of a device.
void drain_device(int device);

/// While it lives the host may touch the memory of devices: for work that they do, and for copies.
class DeviceAtWork {
 public:
  DeviceAtWork();
  ~DeviceAtWork();
  DeviceAtWork(const DeviceAtWork&) = delete;
  DeviceAtWork& operator=(const DeviceAtWork&) = delete;
  DeviceAtWork(DeviceAtWork&&) = delete;
  DeviceAtWork& operator=(DeviceAtWork&&) = delete;
};

}  // namespace cuda_emulation
