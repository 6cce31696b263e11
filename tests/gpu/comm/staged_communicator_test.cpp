// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/device_communicator.hpp"
#include "support/device_sums.hpp"
#include "support/gpu_required.hpp"
#include "support/thread_communicator.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace datus {
namespace {

TEST(StagedCommunicator, AddsUpWhatAllRanksBring) {
  DATUS_REQUIRE_GPU();
  for (const int ranks : {1, 2, 3, 4}) {
    run_on_threads(ranks, [&](Communicator& comm) {
      const auto device = make_staged_communicator(comm);
      for (const std::int64_t count : {0, 1, 1000}) EXPECT_EQ(wrong_sums(*device, comm, count, 3), 0) << ranks;
    });
  }
}

TEST(StagedCommunicator, TakesMoreThanItsMemoryOfTheHostInPieces) {
  DATUS_REQUIRE_GPU();
  run_on_threads(2, [](Communicator& comm) {
    const auto device = make_staged_communicator(comm);
    EXPECT_EQ(wrong_sums(*device, comm, (std::int64_t{5} << 20) + 3, 1), 0);
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
