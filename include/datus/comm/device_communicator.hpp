// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace datus {

namespace cuda {
class Stream;
}

/// Sums over the ranks of numbers in the memory of their GPUs. What a build without CUDA has of it is the error that
/// says so.
class DeviceCommunicator {
 public:
  DeviceCommunicator() = default;
  DeviceCommunicator(const DeviceCommunicator&) = delete;
  DeviceCommunicator& operator=(const DeviceCommunicator&) = delete;
  DeviceCommunicator(DeviceCommunicator&&) = delete;
  DeviceCommunicator& operator=(DeviceCommunicator&&) = delete;
  virtual ~DeviceCommunicator() = default;

  /// COLLECTIVE. values[i] of all ranks summed up, in place, on all ranks: `count` numbers in the memory of this rank's
  /// GPU, the same count on all ranks. It is work of `stream`: what was put there before is summed, and what comes
  /// after sees the sums. The caller waits with `wait`.
  virtual void allreduce_sum(std::int64_t* values, std::int64_t count, const cuda::Stream& stream) = 0;

  /// Waits for the work of `stream`, collectives included. Where another rank is lost or does not come, ends with a
  /// `SystemError` and never waits for ever.
  virtual void wait(const cuda::Stream& stream) = 0;

  /// "NCCL 2.28.9" or "MPI through the host's memory": for the log.
  [[nodiscard]] virtual std::string description() const = 0;
};

/// How long ranks may keep each other waiting under NCCL.
struct DeviceTimeouts {
  std::chrono::milliseconds start{120'000};
  std::chrono::milliseconds collective{600'000};
};

/// COLLECTIVE. Sums by `comm`, through memory of the host: for any number of ranks on one GPU. `comm` must outlive it.
/// Throws `SystemError` in a build without CUDA.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_staged_communicator(Communicator& comm);

/// COLLECTIVE. Sums by NCCL, from GPU to GPU, for one rank per GPU: `gpu` is this rank's, as CUDA counts them. Throws
/// `AgreedError` on all ranks when two of them have the same card (told by its UUID) or a rank cannot start NCCL in
/// time; `SystemError` in a build without CUDA. Destroying it waits for its work, or gives it up where it failed or an
/// exception is on its way. All ranks destroy it, and before the streams and memory that it works in: those would wait
/// for collectives that only it can give up. `comm` must outlive it.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_nccl_communicator(Communicator& comm, int gpu,
                                                                         const DeviceTimeouts& timeouts = {});

/// "2.28.9": of the library that runs, empty in a build without CUDA.
[[nodiscard]] std::string nccl_version();

}  // namespace datus
