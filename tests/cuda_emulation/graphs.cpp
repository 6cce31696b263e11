// SPDX-License-Identifier: Apache-2.0
#include "device.hpp"

#include <algorithm>
#include <set>
#include <utility>

// Streams that record what they are given, and records that are run again.

namespace cuda_emulation {
namespace {

std::set<Recording*>& recordings() {
  static std::set<Recording*> of_all;
  return of_all;
}

}  // namespace

bool is_recording(StreamState* stream) {
  const std::scoped_lock lock(device_mutex());
  return stream->recording != nullptr;
}

void use_memory(StreamState* stream, const void* pointer) {
  const std::scoped_lock lock(device_mutex());
  if (stream->recording == nullptr) return;
  const MemoryIdentity identity = identity_of(reinterpret_cast<std::uintptr_t>(pointer));
  if (identity.serial != 0) stream->recording->recorded.memory[identity.begin] = identity.serial;
}

cudaError_t refuse_while_recording() {
  const std::scoped_lock lock(device_mutex());
  cudaError_t answer = cudaSuccess;
  for (Recording* recording : recordings()) {
    const bool is_mine = recording->thread == std::this_thread::get_id();
    const bool forbids = recording->mode == cudaStreamCaptureModeGlobal ||
                         (recording->mode == cudaStreamCaptureModeThreadLocal && is_mine);
    if (!forbids) continue;
    recording->is_broken = true;
    answer = fail(cudaErrorStreamCaptureUnsupported);
  }
  return answer;
}

cudaError_t break_recording(StreamState& stream, cudaError_t error) {
  stream.recording->is_broken = true;
  return fail(error);
}

}  // namespace cuda_emulation

using namespace cuda_emulation;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const std::scoped_lock lock(device_mutex());
  if (stream->device != device) return fail(cudaErrorInvalidResourceHandle);
  if (!machine().has_graphs) return fail(cudaErrorNotSupported);
  if (stream->recording != nullptr) return break_recording(*stream, cudaErrorInvalidValue);
  stream->recording = std::make_unique<Recording>();
  stream->recording->recorded.device = device;
  stream->recording->mode = mode;
  recordings().insert(stream->recording.get());
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::scoped_lock lock(device_mutex());
  *graph = nullptr;
  if (stream->recording == nullptr) return fail(cudaErrorInvalidValue);
  const bool is_mine = stream->recording->thread == std::this_thread::get_id();
  if (!is_mine && stream->recording->mode != cudaStreamCaptureModeRelaxed) return fail(cudaErrorInvalidValue);
  recordings().erase(stream->recording.get());
  const std::unique_ptr<Recording> ended = std::move(stream->recording);
  if (ended->is_broken) return fail(cudaErrorStreamCaptureInvalidated);
  *graph = new Recorded(std::move(ended->recorded));
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new Executable{*graph};
  auto& work = (*executable)->recorded.work;
  if (machine().graphs_err && !work.empty()) work.erase(work.begin());
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  int device = 0;
  if (const cudaError_t problem = enter(device); problem != cudaSuccess) return problem;
  const Recorded& recorded = executable->recorded;
  {
    const std::scoped_lock lock(device_mutex());
    if (recorded.device != device || stream->device != device) return fail(cudaErrorInvalidResourceHandle);
    // On a card it would become a part of the other graph; nobody here means that.
    if (stream->recording != nullptr) return break_recording(*stream, cudaErrorStreamCaptureUnsupported);
    const bool is_there = std::ranges::all_of(recorded.memory, [](const auto& used) {
      const MemoryIdentity identity = identity_of(used.first);
      return identity.begin == used.first && identity.serial == used.second;
    });
    if (!is_there) return fail(cudaErrorIllegalAddress);
    ++mutable_counters().launches;
  }
  for (const auto& work : recorded.work) enqueue_waiting(stream, work);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
