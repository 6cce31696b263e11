// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/graph.hpp"

#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "support/gpu_required.hpp"

#include <cstdint>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace datus::cuda {
namespace {

/// A number that goes to the device and, by work that can be recorded, to another place there and back.
class GpuGraph : public testing::Test {
 protected:
  void SetUp() override { DATUS_REQUIRE_GPU(); }

  void put(int value) {
    copy(there_.data(), &value, 1, stream_);
    stream_.wait();
  }
  void work() {
    copy(other_.data(), there_.data(), 1, stream_);
    copy(back_.data(), other_.data(), 1, stream_);
  }
  [[nodiscard]] int back() {
    stream_.wait();
    return back_.span()[0];
  }
  /// Recorded work that fails leaves the stream as it was.
  void expect_usable() {
    put(5);
    work();
    EXPECT_EQ(back(), 5);
    const Graph graph(stream_, [&] { work(); });
    put(6);
    graph.launch(stream_);
    EXPECT_EQ(back(), 6);
  }

  Stream stream_;
  DeviceArray<int> there_{1};
  DeviceArray<int> other_{1};
  PinnedArray<int> back_{1};
};

TEST_F(GpuGraph, RunsWhenItIsLaunchedWithWhatIsThereThen) {
  put(1);
  back_.span()[0] = 0;
  const Graph graph(stream_, [&] { work(); });
  EXPECT_EQ(back(), 0);
  for (const int value : {2, 3}) {
    put(value);
    graph.launch(stream_);
    EXPECT_EQ(back(), value);
  }
}

TEST_F(GpuGraph, RunsInTheOrderOfTheStream) {
  put(1);
  const Graph graph(stream_, [&] { work(); });
  graph.launch(stream_);
  clear(other_.data(), 1, stream_);
  copy(back_.data(), other_.data(), 1, stream_);
  EXPECT_EQ(back(), 0);
}

TEST_F(GpuGraph, ThereIsNoWaitingForAStreamThatRecords) {
  EXPECT_THROW(Graph(stream_, [&] { stream_.wait(); }), SystemError);
  expect_usable();
  EXPECT_THROW(Graph(stream_, [&] { (void)stream_.done(); }), SystemError);
  expect_usable();
}

TEST_F(GpuGraph, AThreadThatRecordsTakesNoMemoryAndOthersMay) {
  EXPECT_THROW(Graph(stream_, [&] { const DeviceArray<int> taken(1); }), SystemError);
  expect_usable();
  // The error of a call that nobody looked at shows in the end.
  EXPECT_THROW(Graph(stream_,
                     [&] {
                       work();
                       try {
                         const DeviceArray<int> taken(1);
                       } catch (const SystemError&) {
                       }
                     }),
               SystemError);
  expect_usable();
  put(8);
  const Graph graph(stream_, [&] {
    work();
    std::thread([] { const DeviceArray<int> taken(1); }).join();
  });
  graph.launch(stream_);
  EXPECT_EQ(back(), 8);
}

TEST_F(GpuGraph, WorkOfAnotherStreamCannotBeWaitedForInIt) {
  const Stream other;
  Event event;
  event.record(other);
  EXPECT_THROW(Graph(stream_, [&] { event.hold(stream_); }), SystemError);
  expect_usable();
}

TEST_F(GpuGraph, WhatTheWorkThrowsIsPassedOn) {
  EXPECT_THROW(Graph(stream_,
                     [&] {
                       work();
                       throw std::logic_error("not today");
                     }),
               std::logic_error);
  expect_usable();
}

TEST_F(GpuGraph, AnEventThatWasRecordedInItIsNotWaitedFor) {
  Event event;
  const Graph graph(stream_, [&] { event.record(stream_); });
  EXPECT_THROW(event.wait(), SystemError);
}

}  // namespace
}  // namespace datus::cuda
