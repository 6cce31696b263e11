#include "datus/comm/device_communicator.hpp"
#include "datus/comm/thread_communicator.hpp"
#include "datus/core/cuda/memory.hpp"
#include "support/gpu_required.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace {

/// The number that rank `rank` brings at place `i`: both signs, more than 32 bits, different everywhere.
std::int64_t brought(std::int64_t rank, std::int64_t i) {
  return (i % 2 == 0 ? 1 : -1) * ((rank + 1) * 3'000'000'000LL + i);
}

std::int64_t summed(std::int64_t ranks, std::int64_t i) {
  std::int64_t sum = 0;
  for (std::int64_t rank = 0; rank < ranks; ++rank) sum += brought(rank, i);
  return sum;
}

/// Sums `count` numbers, twice in a row, and returns how many of the results are wrong.
std::int64_t wrong_sums(DeviceCommunicator& device, const Communicator& comm, std::int64_t count) {
  const cuda::Stream stream;
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = brought(comm.rank(), i);
  cuda::DeviceArray<std::int64_t> on_device(values.size());
  cuda::copy(on_device.data(), values.data(), values.size(), stream);
  device.allreduce_sum(on_device.data(), count, stream);
  device.allreduce_sum(on_device.data(), count, stream);
  cuda::copy(values.data(), on_device.data(), values.size(), stream);
  device.wait(stream);
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    wrong += values[static_cast<std::size_t>(i)] == comm.size() * summed(comm.size(), i) ? 0 : 1;
  }
  return wrong;
}

TEST(StagedCommunicator, AddsUpWhatAllRanksBring) {
  DATUS_REQUIRE_GPU();
  for (const int ranks : {1, 2, 3, 4}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      const auto device = make_staged_communicator(comm);
      for (const std::int64_t count : {0, 1, 1000}) EXPECT_EQ(wrong_sums(*device, comm, count), 0) << ranks;
    });
  }
}

TEST(StagedCommunicator, TakesMoreThanItsMemoryOfTheHostInPieces) {
  DATUS_REQUIRE_GPU();
  run_on_threads(2, [](Communicator& comm) {
    const auto device = make_staged_communicator(comm);
    EXPECT_EQ(wrong_sums(*device, comm, (std::int64_t{5} << 20) + 3), 0);
  });
}

TEST(StagedCommunicator, SaysWhatItIs) {
  DATUS_REQUIRE_GPU();
  run_on_threads(1, [](Communicator& comm) {
    EXPECT_EQ(make_staged_communicator(comm)->description(), "MPI through the host's memory");
  });
}

}  // namespace
}  // namespace datus
