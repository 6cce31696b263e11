// SPDX-License-Identifier: Apache-2.0
#include "counters.hpp"
#include "datus/core/cuda/graph.hpp"
#include "datus/core/cuda/launch.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/error.hpp"

#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

// What is undefined on a card, and counts, which only the emulation can show.

namespace datus::cuda {
namespace {

void add_one(std::int64_t* value) {
  *value += 1;
}

TEST(GraphRules, MemoryOfAGraphStaysWhereItWas) {
  const Stream stream;
  std::optional<DeviceArray<std::int64_t>> memory(1);
  DeviceArray<std::int64_t> other(1);
  const auto work = [&] {
    clear(other.data(), 1, stream);
    copy(memory->data(), other.data(), 1, stream);
    launch(stream, {1, 1}, "a test", add_one, memory->data());
  };
  const Graph graph(stream, work);
  graph.launch(stream);
  stream.wait();
  memory.reset();
  EXPECT_THROW(graph.launch(stream), SystemError);
  // Nor is what lies there later the same, should it lie there.
  memory.emplace(1);
  EXPECT_THROW(graph.launch(stream), SystemError);
}

TEST(GraphRules, CountAsOneLaunch) {
  const Stream stream;
  DeviceArray<std::int64_t> value(1);
  clear(value.data(), 1, stream);
  cuda_emulation::forget_counters();
  const Graph graph(stream, [&] {
    for (int i = 0; i < 5; ++i) launch(stream, {1, 1}, "a test", add_one, value.data());
  });
  EXPECT_EQ(cuda_emulation::counters().launches, 0);
  graph.launch(stream);
  graph.launch(stream);
  EXPECT_EQ(cuda_emulation::counters().launches, 2);
  std::int64_t found = 0;
  copy(&found, std::as_const(value).data(), 1, stream);
  stream.wait();
  EXPECT_EQ(found, 10);
}

TEST(GraphRules, BelongToTheirDevice) {
  const Stream stream;
  const Graph graph(stream, [] {});
  use_gpu(1);
  const Stream elsewhere;
  EXPECT_THROW(graph.launch(elsewhere), SystemError);
  use_gpu(0);
}

}  // namespace
}  // namespace datus::cuda
