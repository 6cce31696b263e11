// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/graph.hpp"

#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"
#include "support/gpu_required.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace datus::cuda {
namespace {

struct OnGpu {
  Stream stream;
  DeviceArray<int> there{1};
  DeviceArray<int> other{1};
  PinnedArray<int> back{1};
};

/// A number that goes to the device and, by work that can be recorded, to another place there and back.
class GpuGraph : public testing::Test {
 protected:
  void SetUp() override {
    DATUS_REQUIRE_GPU();
    gpu_.emplace();
  }
  [[nodiscard]] const Stream& stream() const { return gpu_->stream; }
  [[nodiscard]] DeviceArray<int>& there() { return gpu_->there; }
  [[nodiscard]] DeviceArray<int>& other() { return gpu_->other; }
  [[nodiscard]] PinnedArray<int>& back_place() { return gpu_->back; }

  void put(int value) {
    copy(there().data(), &value, 1, stream());
    stream().wait();
  }
  void work() {
    copy(other().data(), there().data(), 1, stream());
    copy(back_place().data(), other().data(), 1, stream());
  }
  [[nodiscard]] int back() {
    stream().wait();
    return back_place().span()[0];
  }
  /// Recorded work that fails leaves the stream as it was.
  void expect_usable() {
    put(5);
    work();
    EXPECT_EQ(back(), 5);
    const Graph graph(stream(), [&] { work(); });
    put(6);
    graph.launch(stream());
    EXPECT_EQ(back(), 6);
  }

 private:
  std::optional<OnGpu> gpu_;
};

TEST_F(GpuGraph, RunsWhenItIsLaunchedWithWhatIsThereThen) {
  put(1);
  back_place().span()[0] = 0;
  const Graph graph(stream(), [&] { work(); });
  EXPECT_EQ(back(), 0);
  for (const int value : {2, 3}) {
    put(value);
    graph.launch(stream());
    EXPECT_EQ(back(), value);
  }
}

TEST_F(GpuGraph, RunsInTheOrderOfTheStream) {
  put(1);
  const Graph graph(stream(), [&] { work(); });
  graph.launch(stream());
  clear(other().data(), 1, stream());
  copy(back_place().data(), other().data(), 1, stream());
  EXPECT_EQ(back(), 0);
}

TEST_F(GpuGraph, ThereIsNoWaitingForAStreamThatRecords) {
  EXPECT_THROW(Graph(stream(), [&] { stream().wait(); }), SystemError);
  expect_usable();
  EXPECT_THROW(Graph(stream(), [&] { (void)stream().done(); }), SystemError);
  expect_usable();
}

TEST_F(GpuGraph, AThreadThatRecordsTakesNoMemoryAndOthersMay) {
  EXPECT_THROW(Graph(stream(), [&] { const DeviceArray<int> taken(1); }), SystemError);
  expect_usable();
  // The error of a call that nobody looked at shows in the end.
  EXPECT_THROW(Graph(stream(),
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
  const Graph graph(stream(), [&] {
    work();
    std::thread([] { const DeviceArray<int> taken(1); }).join();
  });
  graph.launch(stream());
  EXPECT_EQ(back(), 8);
}

TEST_F(GpuGraph, WorkOfAnotherStreamCannotBeWaitedForInIt) {
  const Stream other;
  Event event;
  event.record(other);
  EXPECT_THROW(Graph(stream(), [&] { event.hold(stream()); }), SystemError);
  expect_usable();
}

TEST_F(GpuGraph, WhatTheWorkThrowsIsPassedOn) {
  EXPECT_THROW(Graph(stream(),
                     [&] {
                       work();
                       throw std::logic_error("not today");
                     }),
               std::logic_error);
  expect_usable();
}

TEST_F(GpuGraph, AnEventThatWasRecordedInItIsNotWaitedFor) {
  Event event;
  const Graph graph(stream(), [&] { event.record(stream()); });
  EXPECT_THROW(event.wait(), SystemError);
}

}  // namespace
}  // namespace datus::cuda
