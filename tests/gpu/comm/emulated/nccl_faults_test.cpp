// SPDX-License-Identifier: Apache-2.0
#include "comm/cuda/nccl_communicator.hpp"
#include "datus/core/cuda/memory.hpp"
#include "support/device_sums.hpp"
#include "support/errors.hpp"
#include "support/thread_communicator.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace {

using namespace std::chrono_literals;
using nccl_emulation::counts;
using nccl_emulation::script;
using test::expect_part;

constexpr DeviceTimeouts short_timeouts{.start = 500ms, .collective = 500ms};

/// What can go wrong with NCCL, played by the emulated one (tests/cuda_emulation/nccl.h).
class NcclFaults : public testing::Test {
 protected:
  void SetUp() override { script() = {}; }
  void TearDown() override {
    script() = {};
    // Whatever went wrong: nothing is left behind, and NCCL was asked nothing that it does not allow.
    EXPECT_EQ(counts().alive(), 0);
    EXPECT_EQ(counts().ended_with_work, 0);
    EXPECT_EQ(counts().misused, before_.misused);
    EXPECT_EQ(cuda_emulation::memory_in_use(), 0U);
  }
  [[nodiscard]] int aborted() const { return counts().aborted - before_.aborted; }
  [[nodiscard]] int destroyed() const { return counts().destroyed - before_.destroyed; }
  [[nodiscard]] int made() const { return counts().made - before_.made; }

 private:
  nccl_emulation::Counts before_ = counts();
};

using Body = std::function<void(Communicator&)>;

/// The text of the error of each rank, by rank; an empty one where there was none.
template <class ErrorOfRanks>
std::vector<std::string> errors_on(int ranks, const Body& body) {
  std::vector<std::string> texts(static_cast<std::size_t>(ranks));
  run_on_threads(ranks, [&](Communicator& comm) {
    try {
      cuda::use_gpu(comm.rank());
      body(comm);
    } catch (const ErrorOfRanks& error) {
      texts[static_cast<std::size_t>(comm.rank())] = error.what();
    }
  });
  return texts;
}

/// All ranks say the same.
std::string agreed_error_of(int ranks, const Body& body) {
  const auto texts = errors_on<AgreedError>(ranks, body);
  for (const std::string& text : texts) EXPECT_EQ(text, texts.front());
  return texts.front();
}

void start(Communicator& comm) {
  (void)make_nccl_communicator(comm, comm.rank(), short_timeouts);
}

/// Sums one number `times` times, waiting after each.
void sum(Communicator& comm, int times) {
  const cuda::Stream stream;
  cuda::DeviceArray<std::int64_t> values(1);
  const auto device = make_nccl_communicator(comm, comm.rank(), short_timeouts);
  for (int time = 0; time < times; ++time) {
    device->allreduce_sum(values.data(), 1, stream);
    device->wait(stream);
  }
}

TEST_F(NcclFaults, AllIsWellWithoutThem) {
  EXPECT_EQ(agreed_error_of(4, [](Communicator& comm) { sum(comm, 3); }), "");
  EXPECT_EQ(made(), 4);
  EXPECT_EQ(destroyed(), 4);
  EXPECT_EQ(aborted(), 0);
}

TEST_F(NcclFaults, NoUniqueId) {
  script().no_unique_id = true;
  const std::string text = agreed_error_of(3, start);
  expect_part(text, "NCCL cannot start on ");
  expect_part(text, "(unhandled system error");
  expect_part(text, "no socket interface found)");
  expect_part(text, "NCCL_SOCKET_IFNAME");
  EXPECT_EQ(made(), 0);
}

TEST_F(NcclFaults, OneRankIsRefusedAtOnce) {
  script().start_refused_on = 2;
  const std::string text = agreed_error_of(3, start);
  // The others wait for it in vain; what is said is why.
  expect_part(text, "NCCL does not start on all 3 ranks (rank 2: unhandled cuda error");
  expect_part(text, "Cuda failure 'some', on ");
  expect_part(text, " with Emulated GPU GPU-00000000-0000-0000-0000-000000000002)");
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, OneRankFailsToStart) {
  script().start_fails_on = 1;
  const std::string text = agreed_error_of(4, start);
  expect_part(text, "NCCL does not start on all 4 ranks (rank 1: unhandled system error");
  expect_part(text, "NCCL_DEBUG=INFO");
  expect_part(text, "NCCL_SOCKET_IFNAME");
  expect_part(text, "cluster.comm: mpi");
  EXPECT_EQ(aborted(), 4);
}

TEST_F(NcclFaults, OneRankNeverStarts) {
  script().start_hangs_on = 1;
  const std::string text = agreed_error_of(2, start);
  expect_part(text, "NCCL does not start on all 2 ranks (rank 1: the ranks did not find each other within 500 ms, on ");
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, ANetworkErrorWhenACollectiveStarts) {
  script().error_on = 1;
  script().error_after = 2;
  const auto texts = errors_on<SystemError>(2, [&](Communicator& comm) { sum(comm, 3); });
  expect_part(texts[1],
              "A sum over the ranks' GPUs did not start (NCCL: remote process exited or there was a network error; ");
  expect_part(texts[1], "connection closed by remote peer n2<4711>) ");
  expect_part(texts[1], "NCCL_DEBUG=INFO");
  // It does not come to the third sum, nor to the end.
  expect_part(texts[0], "A sum over the ranks' GPUs did not end within 500 ms (another rank is lost");
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, ANetworkErrorEndsTheWait) {
  script() = {.error_on = 1, .error_after = 2, .error_later = true, .sticks_in = 1};
  const auto texts = errors_on<SystemError>(2, [&](Communicator& comm) { sum(comm, 3); });
  expect_part(texts[1],
              "A sum over the ranks' GPUs failed (NCCL: remote process exited or there was a network error; ");
  expect_part(texts[1], "n2<4711>) ");
  expect_part(texts[0], "did not end within 500 ms");
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, ANetworkErrorIsSeenWhenTheGpuHasLetGoAlready) {
  script() = {.error_on = 0, .error_after = 1, .error_later = true};
  const auto texts = errors_on<SystemError>(1, [](Communicator& comm) {
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    const auto device = make_nccl_communicator(comm, 0, short_timeouts);
    device->allreduce_sum(values.data(), 1, stream);
    stream.wait();
    device->wait(stream);
  });
  expect_part(texts[0], "A sum over the ranks' GPUs failed (NCCL: remote process exited");
  EXPECT_EQ(aborted(), 1);
}

TEST_F(NcclFaults, ACollectiveBehindAStuckOne) {
  script().sticks_in = 0;
  const auto texts = errors_on<SystemError>(2, [](Communicator& comm) {
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    const auto device = make_nccl_communicator(comm, comm.rank(), short_timeouts);
    device->allreduce_sum(values.data(), 1, stream);
    device->allreduce_sum(values.data(), 1, stream);
    device->wait(stream);
  });
  for (const std::string& text : texts) expect_part(text, "did not end within 500 ms");
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, AFailureIsFinal) {
  script().sticks_in = 0;
  const auto texts = errors_on<SystemError>(1, [](Communicator& comm) {
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    const auto device = make_nccl_communicator(comm, 0, short_timeouts);
    device->allreduce_sum(values.data(), 1, stream);
    std::string first;
    try {
      device->wait(stream);
    } catch (const SystemError& error) {
      first = error.what();
    }
    EXPECT_THROW(device->allreduce_sum(values.data(), 1, stream), SystemError);
    try {
      device->wait(stream);
      FAIL() << "a group that was given up waits";
    } catch (const SystemError& error) {
      EXPECT_EQ(first, error.what());
    }
    // The GPU is free again.
    stream.wait();
    throw SystemError(first, "", "");
  });
  expect_part(texts[0], "did not end within 500 ms");
  EXPECT_EQ(aborted(), 1);
}

TEST_F(NcclFaults, ACollectiveThatNeverEnds) {
  script().sticks_in = 1;
  for (const std::string& text : errors_on<SystemError>(3, [](Communicator& comm) { sum(comm, 2); })) {
    expect_part(text,
                "A sum over the ranks' GPUs did not end within 500 ms (another rank is lost, stuck or far behind) ");
  }
  EXPECT_EQ(aborted(), 3);
}

TEST_F(NcclFaults, ACollectiveThatNeverStarts) {
  script().stuck_launch = 1;
  for (const std::string& text : errors_on<SystemError>(2, [](Communicator& comm) { sum(comm, 2); })) {
    expect_part(text, "A sum over the ranks' GPUs did not start within 500 ms (NCCL waits for another rank");
  }
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, ARankThatDoesNotCome) {
  const auto texts = errors_on<SystemError>(2, [](Communicator& comm) {
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    const auto device = make_nccl_communicator(comm, comm.rank(), short_timeouts);
    if (comm.rank() == 1) throw SystemError("this rank has other troubles", "", "");
    device->allreduce_sum(values.data(), 1, stream);
    device->wait(stream);
  });
  expect_part(texts[0], "did not end within 500 ms");
  EXPECT_EQ(texts[1], "this rank has other troubles");
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, AnExceptionOnItsWayDoesNotWaitForTheOthers) {
  script().sticks_in = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto texts = errors_on<SystemError>(1, [](Communicator& comm) {
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    const auto device = make_nccl_communicator(comm, 0, {.start = 60'000ms, .collective = 60'000ms});
    device->allreduce_sum(values.data(), 1, stream);
    throw SystemError("something else", "", "");
  });
  EXPECT_EQ(texts[0], "something else");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  EXPECT_EQ(aborted(), 1);
}

TEST_F(NcclFaults, OwnWorkMayTakeItsTime) {
  const auto texts = errors_on<SystemError>(1, [](Communicator& comm) {
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    const auto device = make_nccl_communicator(comm, 0, {.start = 500ms, .collective = 100ms});
    const auto end = std::chrono::steady_clock::now() + 400ms;
    cuda_emulation::enqueue_waiting(stream.get(), [=] { return std::chrono::steady_clock::now() > end; });
    device->allreduce_sum(values.data(), 1, stream);
    device->wait(stream);
  });
  EXPECT_EQ(texts[0], "");
}

TEST_F(NcclFaults, DestroyedWithAStuckCollective) {
  script().sticks_in = 0;
  const auto texts = errors_on<SystemError>(2, [](Communicator& comm) {
    const cuda::Stream stream;
    cuda::DeviceArray<std::int64_t> values(1);
    const auto device = make_nccl_communicator(comm, comm.rank(), short_timeouts);
    device->allreduce_sum(values.data(), 1, stream);
  });
  // Nobody asked how it went: a line in the log says it.
  EXPECT_EQ(texts, std::vector<std::string>(2));
  EXPECT_EQ(aborted(), 2);
}

TEST_F(NcclFaults, AnEndThatDoesNotCome) {
  script().end_hangs_on = 0;
  EXPECT_EQ(errors_on<SystemError>(2, [](Communicator& comm) { sum(comm, 1); }), std::vector<std::string>(2));
  EXPECT_EQ(aborted(), 1);
  EXPECT_EQ(destroyed(), 1);
}

TEST_F(NcclFaults, AnAbortThatHangsIsLeftBehind) {
  ncclUniqueId id{};
  ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
  script().abort_hangs = true;
  {
    NcclGroup group(20ms);
    ASSERT_TRUE(group.start(id, 0, 1, 0).in_progress());
  }
  EXPECT_EQ(counts().alive(), 1);
  cuda_emulation::with_device([] { script().abort_hangs = false; });
  while (counts().alive() > 0) std::this_thread::sleep_for(1ms);
}

}  // namespace
}  // namespace datus
