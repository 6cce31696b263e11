// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/check.hpp"

#include <utility>

namespace datus::cuda {

/// A queue of work of the GPU that was in use when it was made. Waits for its work when it goes.
class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream"); }
  Stream(Stream&& other) noexcept : home_(other.home_), stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(home_, other.home_);
    std::swap(stream_, other.stream_);
    return *this;
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (stream_ == nullptr) return;
    home_.use();
    // Buffers that its work uses may go next.
    check_in_destructor(cudaStreamSynchronize(stream_), "to end the work of a stream");
    check_in_destructor(cudaStreamDestroy(stream_), "to give a stream back");
  }

  [[nodiscard]] cudaStream_t get() const noexcept { return stream_; }
  /// Waits for all work so far; throws what went wrong in it.
  void wait() const {
    home_.use();
    check(cudaStreamSynchronize(stream_), "the work of a stream");
  }
  /// Whether all work so far is done; throws what went wrong in it.
  [[nodiscard]] bool done() const {
    home_.use();
    return check_done(cudaStreamQuery(stream_), "the work of a stream");
  }

 private:
  HomeGpu home_ = HomeGpu::in_use();
  cudaStream_t stream_ = nullptr;
};

/// A mark in a stream of the GPU that was in use when it was made.
class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "an event"); }
  Event(Event&& other) noexcept : home_(other.home_), event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(home_, other.home_);
    std::swap(event_, other.event_);
    return *this;
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (event_ == nullptr) return;
    home_.use();
    check_in_destructor(cudaEventDestroy(event_), "to give an event back");
  }

  /// Behind all work of the stream so far.
  void record(const Stream& stream) { check(cudaEventRecord(event_, stream.get()), "to record an event"); }
  /// Waits on the calling thread; at once when it was never recorded.
  void wait() const {
    home_.use();
    check(cudaEventSynchronize(event_), "the work before an event");
  }
  /// Whether the work before it is done; so it is when it was never recorded.
  [[nodiscard]] bool passed() const {
    home_.use();
    return check_done(cudaEventQuery(event_), "the work before an event");
  }
  /// Makes later work of `stream` wait.
  void hold(const Stream& stream) const { check(cudaStreamWaitEvent(stream.get(), event_, 0), "to wait for an event"); }

 private:
  HomeGpu home_ = HomeGpu::in_use();
  cudaEvent_t event_ = nullptr;
};

}  // namespace datus::cuda
