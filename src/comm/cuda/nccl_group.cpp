// SPDX-License-Identifier: Apache-2.0
#include "comm/cuda/nccl_group.hpp"

#include "datus/core/log.hpp"

#include <cstddef>
#include <exception>
#include <future>
#include <thread>
#include <utility>

namespace datus {

NcclAnswer nccl_answer(ncclResult_t result) {
  NcclAnswer answer{result, {}};
  if (!answer.failed()) return answer;
  answer.trouble = ncclGetErrorString(result);
  // The handle is not used (NCCL keeps one such text per process), and may be gone already.
  const char* const details = ncclGetLastError(nullptr);
  if (details != nullptr && *details != '\0') answer.trouble += std::string("; ") + details;
  while (answer.trouble.ends_with('\n')) answer.trouble.pop_back();
  return answer;
}

NcclAnswer NcclGroup::start(const ncclUniqueId& id, int rank, int size, int gpu) {
  gpu_ = gpu;
  cuda::use_gpu(gpu);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  return nccl_answer(ncclCommInitRankConfig(&handle_, size, id, rank, &config));
}

NcclAnswer NcclGroup::state() const {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(handle_, &state);
  return nccl_answer(asked == ncclSuccess ? state : asked);
}

NcclAnswer NcclGroup::allreduce_sum(std::int64_t* values, std::int64_t count, const cuda::Stream& stream) {
  static_assert(sizeof(std::size_t) == sizeof(std::int64_t));
  return nccl_answer(
      ncclAllReduce(values, values, static_cast<std::size_t>(count), ncclInt64, ncclSum, handle_, stream.get()));
}

NcclAnswer NcclGroup::finalize() {
  return nccl_answer(ncclCommFinalize(handle_));
}

NcclAnswer NcclGroup::destroy() {
  NcclAnswer answer = within_limit([handle = handle_] { return ncclCommDestroy(handle); });
  if (!answer.failed()) handle_ = nullptr;
  return answer;
}

void NcclGroup::abort() noexcept {
  if (handle_ == nullptr) return;
  try {
    const ncclComm_t handle = std::exchange(handle_, nullptr);
    const NcclAnswer answer = within_limit([handle] { return ncclCommAbort(handle); });
    if (answer.in_progress()) log::warning("NCCL does not let go of what was given up; the process has to end");
    if (answer.failed()) log::warning("NCCL could not be given up: " + answer.trouble);
  } catch (const std::exception&) {
    // No thread, or no memory for a text: there is nowhere left to say it, and the process is about to end.
  }
}

/// These calls join NCCL's threads and wait for the driver, which may never answer where a card or a network is broken:
/// so they get a thread of their own, which is left behind when the time is over ("in progress").
NcclAnswer NcclGroup::within_limit(std::function<ncclResult_t()> call) const {
  std::packaged_task<ncclResult_t()> task([gpu = gpu_, call = std::move(call)] {
    // Otherwise NCCL would come back to GPU 0, which is another rank's, and take memory of it.
    cuda::use_gpu(gpu);
    return call();
  });
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(abort_limit_) != std::future_status::ready) return {ncclInProgress, {}};
  return nccl_answer(result.get());
}

}  // namespace datus
