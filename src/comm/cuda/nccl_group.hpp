// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <nccl.h>

namespace datus {

/// How NCCL takes a call.
struct NcclAnswer {
  ncclResult_t result = ncclSuccess;
  std::string trouble;  ///< in NCCL's words; empty unless it failed

  [[nodiscard]] bool in_progress() const noexcept { return result == ncclInProgress; }
  [[nodiscard]] bool failed() const noexcept { return result != ncclSuccess && result != ncclInProgress; }
};

/// The answer with NCCL's own words.
[[nodiscard]] NcclAnswer nccl_answer(ncclResult_t result);

/// One rank's handle of NCCL, never blocking: what is in progress ends while `state` is asked for, and until then
/// nothing else may be asked. Whoever gives it up halfway gets it aborted.
class NcclGroup {
 public:
  /// `abort_limit`: how long giving it back or up may take.
  explicit NcclGroup(std::chrono::milliseconds abort_limit) noexcept : abort_limit_(abort_limit) {}
  ~NcclGroup() { abort(); }
  NcclGroup(const NcclGroup&) = delete;
  NcclGroup& operator=(const NcclGroup&) = delete;
  NcclGroup(NcclGroup&&) = delete;
  NcclGroup& operator=(NcclGroup&&) = delete;

  /// COLLECTIVE. For `gpu`, which becomes the one in use.
  [[nodiscard]] NcclAnswer start(const ncclUniqueId& id, int rank, int size, int gpu);
  [[nodiscard]] bool alive() const noexcept { return handle_ != nullptr; }
  [[nodiscard]] NcclAnswer state() const;

  /// COLLECTIVE. In place. It is in the stream once it is no longer in progress: nothing may follow it before.
  [[nodiscard]] NcclAnswer allreduce_sum(std::int64_t* values, std::int64_t count, const cuda::Stream& stream);

  /// COLLECTIVE. The orderly end, in two steps: all work of all ranks is done; then the handle is given back.
  [[nodiscard]] NcclAnswer finalize();
  [[nodiscard]] NcclAnswer destroy();

  /// Ends everything at once, collectives that the GPU waits in included.
  void abort() noexcept;

 private:
  [[nodiscard]] NcclAnswer within_limit(std::function<ncclResult_t()> call) const;

  std::chrono::milliseconds abort_limit_;
  int gpu_ = 0;
  ncclComm_t handle_ = nullptr;
};

}  // namespace datus
