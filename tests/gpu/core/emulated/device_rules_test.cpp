// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/launch.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/gpu.hpp"
#include "support/errors.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include <gtest/gtest.h>

// What a card refuses, and where CUDA makes contexts: rules that the emulation keeps, so that all other tests show that
// nothing of ours breaks them.

namespace datus::cuda {
namespace {

using Contexts = std::set<int>;
using test::expect_part;

/// The devices on which `body` makes contexts, on a thread of its own.
Contexts contexts_after(const std::function<void()>& body) {
  Contexts contexts;
  std::thread([&] {
    body();
    contexts = cuda_emulation::contexts_of_thread();
  }).join();
  return contexts;
}

void add_one(std::int64_t* value) {
  *value += 1;
}

/// Why CUDA refused, empty where it did not.
std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const SystemError& error) {
    return error.what();
  }
  return {};
}

TEST(DeviceRules, ARankKeepsToItsOwnGpu) {
  EXPECT_EQ(contexts_after([] { (void)survey_gpus(); }), Contexts{});
  EXPECT_EQ(contexts_after([] { use_gpu(2); }), Contexts{2});
  // Memory, streams and events that end after whatever chose the GPU.
  EXPECT_EQ(contexts_after([] {
              const auto choose = [] {
                use_gpu(3);
                struct Chosen {
                  DeviceArray<int> memory{5};
                  Stream stream;
                };
                return Chosen();
              };
              const auto chosen = choose();
              Event event;
              event.record(chosen.stream);
              event.wait();
            }),
            Contexts{3});
}

TEST(DeviceRules, ThreadsThatNeverChoseAGpuUseThatOfTheWorkTheyWaitFor) {
  EXPECT_EQ(contexts_after([] {
              use_gpu(1);
              DeviceArray<int> memory(5);
              PinnedArray<int> pinned(5);
              Stream stream;
              Event event;
              clear(memory.data(), memory.size(), stream);
              copy(pinned.data(), memory.data(), memory.size(), stream);
              event.record(stream);
              EXPECT_EQ(contexts_after([&] { event.wait(); }), Contexts{1});
              EXPECT_EQ(contexts_after([&] { stream.wait(); }), Contexts{1});
              EXPECT_EQ(contexts_after([&] { EXPECT_TRUE(stream.done()); }), Contexts{1});
              EXPECT_EQ(contexts_after([&] {
                          const DeviceArray<int> taken = std::move(memory);
                          const PinnedArray<int> also_taken = std::move(pinned);
                          const Event last = std::move(event);
                          const Stream gone = std::move(stream);
                        }),
                        Contexts{1});
            }),
            Contexts{1});
}

TEST(DeviceRules, OnExclusiveCardsASecondOneIsRefused) {
  use_gpu(1);
  const Stream stream;
  cuda_emulation::machine().is_exclusive = true;
  expect_part(refusal([] { use_gpu(0); }), "busy or unavailable");
  cuda_emulation::machine().is_exclusive = false;
  EXPECT_EQ(refusal([] { use_gpu(0); }), "");
}

TEST(DeviceRules, StreamsEventsAndMemoryOfAnotherGpuAreRefused) {
  use_gpu(0);
  const Stream other_stream;
  DeviceArray<std::int64_t> other_memory(1);
  Event other_event;
  use_gpu(1);
  const Stream stream;
  DeviceArray<std::int64_t> memory(1);
  PinnedArray<std::int64_t> pinned(1);
  const LaunchShape one{.blocks = 1, .threads = 1};
  expect_part(refusal([&] { launch(other_stream, one, "a kernel", add_one, other_memory.data()); }), "resource handle");
  expect_part(refusal([&] { launch(stream, one, "a kernel", add_one, other_memory.data()); }), "illegal memory");
  expect_part(refusal([&] { other_event.record(stream); }), "resource handle");
  EXPECT_NE(refusal([&] { copy(memory.data(), other_memory.data(), 1, stream); }), "");
  EXPECT_NE(refusal([&] { clear(other_memory.data(), 1, stream); }), "");
  pinned.span()[0] = 4;
  copy(memory.data(), pinned.data(), 1, stream);
  launch(stream, one, "a kernel", add_one, memory.data());
  launch(stream, one, "a kernel", add_one, pinned.data());
  copy(pinned.data(), memory.data(), 1, stream);
  stream.wait();
  EXPECT_EQ(pinned.span()[0], 5);
}

TEST(DeviceRules, MemoryOfTheHostIsNoneOfAKernel) {
  const Stream stream;
  std::int64_t value = 0;
  expect_part(refusal([&] { launch(stream, {.blocks = 1, .threads = 1}, "a kernel", add_one, &value); }),
              "illegal memory");
  // Nor do copies reach behind the end of what is there.
  DeviceArray<std::int64_t> memory(3);
  std::array<std::int64_t, 4> values{};
  EXPECT_NE(refusal([&] { copy(memory.data(), values.data(), 4, stream); }), "");
  EXPECT_EQ(refusal([&] { copy(memory.data(), values.data(), 3, stream); }), "");
}

TEST(DeviceRules, LaunchesBeyondWhatCardsTakeAreRefused) {
  PinnedArray<std::int64_t> value(1);
  const Stream stream;
  const auto refused = [&](const LaunchShape& shape) {
    return refusal([&] { launch(stream, shape, "a kernel", add_one, value.data()); });
  };
  expect_part(refused({.blocks = 1, .threads = dim3(1025)}), "configuration");
  expect_part(refused({.blocks = 1, .threads = dim3(1, 1, 65)}), "configuration");
  expect_part(refused({.blocks = 1, .threads = dim3(0)}), "configuration");
  expect_part(refused({.blocks = dim3(1, 65536), .threads = 1}), "configuration");
  expect_part(refused({.blocks = dim3(1, 1, 65536), .threads = 1}), "configuration");
  EXPECT_NE(refused({.blocks = 1, .threads = 1, .shared_bytes = (48 << 10) + 1}), "");
  EXPECT_EQ(refused({.blocks = 1, .threads = 1, .shared_bytes = 48 << 10}), "");
}

TEST(GpuSurvey, SaysWhatToDoWhereNoGpuCanBeUsed) {
  cuda_emulation::Machine& machine = cuda_emulation::machine();
  const cuda_emulation::Machine before = machine;
  machine.driver_version = 12040;
  const GpuSurvey old = survey_gpus();
  EXPECT_TRUE(old.gpus.empty());
  expect_part(old.problem, "insufficient");
  expect_part(old.problem, "driver 12.4, runtime 13.0");
  expect_part(old.advice, "R580 or later");
  machine = before;
  machine.devices = 0;
  expect_part(survey_gpus().advice, "CUDA_VISIBLE_DEVICES");
  machine = before;
  machine.driver_version = 0;
  expect_part(survey_gpus().advice, "--nv");
  machine = before;
  EXPECT_EQ(survey_gpus().advice, "");
}

TEST(GpuSurvey, LeavesOutCardsThatTheBuildHasNoCodeFor) {
  cuda_emulation::Machine& machine = cuda_emulation::machine();
  const cuda_emulation::Machine before = machine;
  machine.capabilities = {75};
  const GpuSurvey old = survey_gpus();
  EXPECT_TRUE(old.gpus.empty());
  expect_part(old.problem, "this build has code for compute capability 8.0, 9.0 and later cards, none for GPU 0 (");
  expect_part(old.problem, ", GPU 3 (Emulated GPU, compute capability 7.5)");
  expect_part(old.advice, "compute capability 8.0 or later");
  // One of another kind, for the screen. The others keep their numbers.
  machine.capabilities = {70, 80, 86, 120};
  const GpuSurvey mixed = survey_gpus();
  ASSERT_EQ(mixed.gpus.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(mixed.gpus[static_cast<std::size_t>(i)].index, i + 1);
  EXPECT_EQ(mixed.problem, "");
  EXPECT_TRUE(mixed.left_out.ends_with("none for GPU 0 (Emulated GPU, compute capability 7.0)")) << mixed.left_out;
  // Without code that a later card could compile for itself.
  machine.architectures = "80-real";
  machine.capabilities = {80, 86, 90};
  const GpuSurvey binary = survey_gpus();
  EXPECT_EQ(binary.gpus.size(), 2U);
  expect_part(binary.left_out, "this build has code for compute capability 8.0 to 8.9, none for GPU 2 (");
  machine.capabilities = {90};
  expect_part(survey_gpus().advice, "Build with -DCMAKE_CUDA_ARCHITECTURES=90 ");
  machine = before;
  EXPECT_EQ(survey_gpus().left_out, "");
}

TEST(DeviceRules, EachGpuHasMemoryOfItsOwn) {
  const std::size_t most = cuda_emulation::machine().memory;
  cuda_emulation::machine().memory = 4096;
  {
    use_gpu(0);
    const DeviceArray<std::byte> first(4096);
    EXPECT_THROW(DeviceArray<std::byte>(1), DeviceMemoryError);
    use_gpu(1);
    EXPECT_NO_THROW(DeviceArray<std::byte>(4096));
  }
  cuda_emulation::machine().memory = most;
}

}  // namespace
}  // namespace datus::cuda
