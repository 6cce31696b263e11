// SPDX-License-Identifier: Apache-2.0
#include "comm/cuda/nccl_communicator.hpp"

#include "support/device_sums.hpp"
#include "support/gpu_required.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace datus {
namespace {

/// As many ranks as there are GPUs for, up to 4.
int most_ranks() {
  return std::min(4, static_cast<int>(survey_gpus().gpus.size()));
}

TEST(NcclCommunicator, AddsUpWhatAllRanksBring) {
  DATUS_REQUIRE_GPU();
  for (int ranks = 1; ranks <= most_ranks(); ++ranks) {
    run_on_threads(ranks, [&](Communicator& comm) {
      cuda::use_gpu(comm.rank());
      const auto device = make_nccl_communicator(comm, comm.rank());
      for (const std::int64_t count : {0, 1, 1000, 1 << 20}) {
        EXPECT_EQ(wrong_sums(*device, comm, count, 1), 0) << count << " numbers on " << ranks << " ranks";
      }
    });
  }
}

TEST(NcclCommunicator, TakesSeveralCollectivesAtATime) {
  DATUS_REQUIRE_GPU();
  run_on_threads(most_ranks(), [](Communicator& comm) {
    cuda::use_gpu(comm.rank());
    const auto device = make_nccl_communicator(comm, comm.rank());
    EXPECT_EQ(wrong_sums(*device, comm, 1000, 5), 0);
  });
}

TEST(NcclCommunicator, KeepsTwoStreamsApart) {
  DATUS_REQUIRE_GPU();
  run_on_threads(most_ranks(), [](Communicator& comm) {
    cuda::use_gpu(comm.rank());
    const auto device = make_nccl_communicator(comm, comm.rank());
    const cuda::Stream first;
    const cuda::Stream second;
    cuda::DeviceArray<std::int64_t> values(2);
    cuda::PinnedArray<std::int64_t> host(2);
    for (std::int64_t i : {0, 1}) host.span()[static_cast<std::size_t>(i)] = brought(comm.rank(), i);
    cuda::copy(values.data(), host.data(), 2, first);
    first.wait();
    device->allreduce_sum(values.data(), 1, first);
    device->allreduce_sum(values.data() + 1, 1, second);
    cuda::copy(host.data(), values.data(), 1, first);
    cuda::copy(host.data() + 1, values.data() + 1, 1, second);
    device->wait(second);
    device->wait(first);
    for (std::int64_t i : {0, 1}) EXPECT_EQ(host.span()[static_cast<std::size_t>(i)], summed(comm.size(), i));
  });
}

TEST(NcclCommunicator, KeepsToItsOwnGpu) {
  DATUS_REQUIRE_GPU();
  run_on_threads(most_ranks(), [](Communicator& comm) {
    {
      const auto device = make_nccl_communicator(comm, comm.rank());
      EXPECT_EQ(device->description(), "NCCL " + nccl_version());
    }
    int now = -1;
    ASSERT_EQ(cudaGetDevice(&now), cudaSuccess);
    EXPECT_EQ(now, comm.rank());
  });
}

TEST(NcclCommunicator, EndsWhatIsInFlightBeforeItGoes) {
  DATUS_REQUIRE_GPU();
  run_on_threads(most_ranks(), [](Communicator& comm) {
    cuda::use_gpu(comm.rank());
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    cuda::PinnedArray<std::int64_t> host(1);
    host.span()[0] = brought(comm.rank(), 0);
    cuda::copy(values.data(), host.data(), 1, stream);
    {
      const auto device = make_nccl_communicator(comm, comm.rank());
      device->allreduce_sum(values.data(), 1, stream);
    }
    cuda::copy(host.data(), values.data(), 1, stream);
    stream.wait();
    EXPECT_EQ(host.span()[0], summed(comm.size(), 0));
  });
}

TEST(NcclCommunicator, RefusesTwoRanksOnOneCard) {
  DATUS_REQUIRE_GPU();
  try {
    run_on_threads(3, [](Communicator& comm) {
      // What one rank throws alone would leave the others waiting.
      EXPECT_THROW((void)make_nccl_communicator(comm, 0), AgreedError);
      (void)make_nccl_communicator(comm, 0);
    });
    FAIL() << "three ranks shared a card";
  } catch (const AgreedError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("Ranks 0, 1 and 2 have the same GPU ("), std::string::npos) << text;
    EXPECT_NE(text.find(survey_gpus().gpus[0].uuid + " on "), std::string::npos) << text;
    EXPECT_NE(text.find("cluster.comm: mpi"), std::string::npos) << text;
    EXPECT_EQ(error.exit_code(), ExitCode::usage);
  }
}

TEST(NcclCommunicator, RefusesAGpuThatIsNotThere) {
  DATUS_REQUIRE_GPU();
  try {
    run_on_threads(2, [](Communicator& comm) { (void)make_nccl_communicator(comm, 99); });
    FAIL() << "GPU 99 was there";
  } catch (const AgreedError& error) {
    EXPECT_NE(std::string(error.what()).find("GPU 99 cannot be used (CUDA shows "), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace datus
