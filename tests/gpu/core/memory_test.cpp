// SPDX-License-Identifier: Apache-2.0
#include "datus/core/cuda/memory.hpp"

#include "datus/core/gpu.hpp"
#include "support/gpu_required.hpp"

#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::cuda {
namespace {

TEST(GpuMemory, CopiesThereAndBack) {
  DATUS_REQUIRE_GPU();
  const Stream stream;
  std::vector<std::int64_t> values(10'001);
  std::iota(values.begin(), values.end(), -5);
  DeviceArray<std::int64_t> device(values.size());
  PinnedArray<std::int64_t> pinned(values.size());
  copy(device.data(), values.data(), values.size(), stream);
  clear(device.data(), 3, stream);
  copy(pinned.data(), device.data(), values.size(), stream);
  stream.wait();
  std::fill_n(values.begin(), 3, 0);
  EXPECT_EQ(std::vector<std::int64_t>(pinned.span().begin(), pinned.span().end()), values);
}

TEST(GpuMemory, EventsHoldAnotherStream) {
  DATUS_REQUIRE_GPU();
  const Stream first;
  const Stream second;
  DeviceArray<int> device(1);
  PinnedArray<int> pinned(1);
  const int value = 7;
  copy(device.data(), &value, 1, first);
  Event copied;
  copied.record(first);
  copied.hold(second);
  copy(pinned.data(), device.data(), 1, second);
  second.wait();
  EXPECT_EQ(pinned.span()[0], 7);
}

TEST(GpuMemory, TooMuchIsAnErrorOfItsOwn) {
  DATUS_REQUIRE_GPU();
  try {
    const DeviceArray<std::byte> device(std::size_t{1} << 50, "memory for a test");
    FAIL() << "a pebibyte was there";
  } catch (const DeviceMemoryError& error) {
    EXPECT_NE(std::string(error.what()).find("memory for a test"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("batch_size"), std::string::npos) << error.what();
  }
  // The error is not left behind for the next call.
  const DeviceArray<std::byte> device(16);
  EXPECT_NE(device.data(), nullptr);
}

TEST(GpuSurvey, NamesTheCards) {
  DATUS_REQUIRE_GPU();
  const GpuSurvey survey = survey_gpus();
  ASSERT_FALSE(survey.gpus.empty()) << survey.problem;
  EXPECT_EQ(survey.problem, "");
  for (const Gpu& gpu : survey.gpus) {
    EXPECT_EQ(gpu.uuid.substr(0, 4), "GPU-");
    EXPECT_EQ(gpu.uuid.size(), 40U) << gpu.uuid;
    EXPECT_GT(gpu.memory_bytes, 0);
    EXPECT_GT(gpu.multiprocessors, 0);
    EXPECT_FALSE(gpu.name.empty());
  }
}

}  // namespace
}  // namespace datus::cuda
