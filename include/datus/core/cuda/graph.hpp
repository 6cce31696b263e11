// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <utility>

namespace datus::cuda {

/// Records what is put into a stream instead of running it. This thread must neither take nor give back memory by CUDA
/// meanwhile, nor wait for the stream; other threads may. A recording that is not ended is dropped.
class Recording {
 public:
  /// The stream must outlive this.
  explicit Recording(const Stream& stream) : stream_(stream) {
    check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "to record work");
    is_open_ = true;
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  Recording(Recording&&) = delete;
  Recording& operator=(Recording&&) = delete;
  ~Recording() {
    if (is_open_) (void)close();
    if (graph_ != nullptr) check_in_destructor(cudaGraphDestroy(graph_), "to give a recording back");
  }

  /// What was recorded, as long as this lives. Throws what made the recording useless.
  [[nodiscard]] cudaGraph_t end() {
    check(close(), "the work that was recorded");
    return graph_;
  }

 private:
  cudaError_t close() noexcept {
    is_open_ = false;
    const cudaError_t status = cudaStreamEndCapture(stream_.get(), &graph_);
    // CUDA keeps an error for the next who asks for one.
    if (status != cudaSuccess) static_cast<void>(cudaGetLastError());
    return status;
  }

  const Stream& stream_;
  bool is_open_ = false;
  cudaGraph_t graph_ = nullptr;
};

/// Work of a stream that was recorded once and is started again by one call, with the addresses that it had: all memory
/// that it reads and writes must stay where it was. Before it goes its work must be done.
class Graph {
 public:
  Graph() = default;
  /// Of what `work()` puts into the stream, which does not run yet. Throws what `work` throws, and `SystemError` where
  /// something in it cannot be recorded; the stream can be used as before then.
  template <class Work>
  Graph(const Stream& stream, const Work& work) : home_(HomeGpu::in_use()) {
    Recording recording(stream);
    work();
    check(cudaGraphInstantiate(&graph_, recording.end(), 0), "recorded work");
  }
  Graph(Graph&& other) noexcept : home_(other.home_), graph_(std::exchange(other.graph_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(home_, other.home_);
    std::swap(graph_, other.graph_);
    return *this;
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    if (graph_ == nullptr) return;
    home_.use();
    check_in_destructor(cudaGraphExecDestroy(graph_), "to give recorded work back");
  }

  /// Puts all of it into a stream of its GPU.
  void launch(const Stream& stream) const { check(cudaGraphLaunch(graph_, stream.get()), "recorded work"); }

 private:
  HomeGpu home_;
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace datus::cuda
