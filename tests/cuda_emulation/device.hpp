// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "counters.hpp"
#include "cuda_runtime.h"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

// What the files of the emulated runtime know of each other.

namespace cuda_emulation {

struct StreamState {
  int device = 0;
  /// Each piece says whether it is done, or has to wait for something and be tried again.
  std::deque<std::function<bool()>> work;
  bool running = false;
  bool at_once = false;
};

struct EventState {
  int device = 0;
  /// Until it is destroyed; marks of it that stand in streams keep it, as on a card.
  std::shared_ptr<EventState> self;
  StreamState* stream = nullptr;
  /// Counts records; the last one that was passed.
  std::uint64_t recorded = 0;
  std::uint64_t passed = 0;
};

/// One machine for all threads of the host: its devices do one thing at a time.
std::recursive_mutex& device_mutex();

/// The error, which is kept for cudaGetLastError too.
cudaError_t fail(cudaError_t error);

/// The device of the calling thread, on which there is a context from now on; what keeps it from one otherwise.
cudaError_t enter(int& device);

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
