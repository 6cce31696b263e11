// SPDX-License-Identifier: Apache-2.0
#include "support/thread_communicator.hpp"

#include "support/communicator_checks.hpp"
#include "support/errors.hpp"

#include <array>
#include <atomic>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace datus {
namespace thread_communicator_test {

/// The text of the SystemError that run_on_threads throws; an empty one, and a test failure, when
/// it throws none.
std::string system_error_of(int ranks, const std::function<void(Communicator&)>& body) {
  return test::error_of<SystemError>([&] { run_on_threads(ranks, body); });
}

class ThreadRanks : public testing::TestWithParam<int> {};

TEST_P(ThreadRanks, DoWhatEveryCommunicatorMustDo) {
  run_on_threads(GetParam(), [](Communicator& comm) {
    ASSERT_EQ(comm.size(), GetParam());
    test::check_everything(comm);
  });
}

TEST_P(ThreadRanks, NobodyLeavesABarrierBeforeEverybodyCame) {
  std::atomic<int> arrived{0};
  run_on_threads(GetParam(), [&](Communicator& comm) {
    for (int round = 1; round <= 100; ++round) {
      ++arrived;
      comm.barrier();
      EXPECT_GE(arrived.load(), round * comm.size());
      comm.barrier();
    }
  });
  EXPECT_EQ(arrived.load(), 100 * GetParam());
}

TEST_P(ThreadRanks, AFailingRankReleasesTheOthersAndItsErrorArrives) {
  for (int failing = 0; failing < GetParam(); ++failing) {
    std::atomic<int> released{0};
    const auto body = [&](Communicator& comm) {
      comm.barrier();
      if (comm.rank() == failing) throw InputError("rank " + std::to_string(failing), "is", "bad");
      // Goes on as if nothing had happened: each later call throws as well.
      for (int call = 0; call < 2; ++call) {
        try {
          comm.barrier();
        } catch (const SystemError&) {
          ++released;
        }
      }
      comm.barrier();
    };
    try {
      run_on_threads(GetParam(), body);
      ADD_FAILURE() << "no exception";
    } catch (const InputError& e) {
      EXPECT_EQ(e.what(), "rank " + std::to_string(failing) + " (is) bad");
    }
    EXPECT_EQ(released.load(), 2 * (GetParam() - 1));
  }
}

INSTANTIATE_TEST_SUITE_P(OneToEight, ThreadRanks, testing::Range(1, 9));

TEST(ThreadCommunicator, RethrowsTheLowestRanksError) {
  EXPECT_THROW(run_on_threads(3, [](Communicator& comm) { throw std::out_of_range(std::to_string(comm.rank())); }),
               std::out_of_range);
  try {
    run_on_threads(4, [](Communicator& comm) {
      if (comm.rank() > 0) throw std::out_of_range(std::to_string(comm.rank()));
    });
    ADD_FAILURE() << "no exception";
  } catch (const std::out_of_range& e) {
    EXPECT_STREQ(e.what(), "1");
  }
  EXPECT_THROW(run_on_threads(2, [](Communicator&) { throw 17; }), int);
}

TEST(ThreadCommunicator, AnAgreedErrorComesOutAsOne) {
  const auto body = [](Communicator& comm) { on_root(comm, [] { throw InputError("no file", "", ""); }); };
  EXPECT_THROW(run_on_threads(3, body), AgreedError);
}

TEST(ThreadCommunicator, FindsDifferentLengths) {
  const std::string text = system_error_of(3, [](Communicator& comm) {
    std::vector<std::int64_t> values(comm.rank() == 1 ? 5 : 4);
    comm.allreduce(values, ReduceOp::sum);
  });
  EXPECT_EQ(text,
            "the ranks do not call the same collective (rank 0 is in allreduce(int64, sum) with "
            "length 4, rank 1 is in "
            "allreduce(int64, sum) with length 5, rank 2 is in allreduce(int64, sum) with length "
            "4) Let all ranks make the "
            "same calls in the same order.");
}

TEST(ThreadCommunicator, FindsDifferentCalls) {
  using Calls = std::vector<std::function<void(Communicator&)>>;
  const Calls calls{
      [](Communicator& comm) { comm.barrier(); },
      [](Communicator& comm) {
        std::vector<std::int64_t> v(8);
        comm.allreduce(v, ReduceOp::sum);
      },
      [](Communicator& comm) {
        std::vector<std::int64_t> v(8);
        comm.allreduce(v, ReduceOp::min);
      },
      [](Communicator& comm) {
        std::vector<std::uint64_t> v(8);
        comm.allreduce(v, ReduceOp::sum);
      },
      [](Communicator& comm) {
        std::vector<float> v(8);
        comm.allreduce(v, ReduceOp::min);
      },
      [](Communicator& comm) {
        std::vector<double> v(8);
        comm.allreduce(v, ReduceOp::min);
      },
      [](Communicator& comm) {
        std::vector<std::byte> v(8);
        comm.broadcast(v, 0);
      },
      [](Communicator& comm) {
        std::vector<std::byte> v(8);
        comm.broadcast(v, 1);
      },
      [](Communicator& comm) {
        std::vector<std::byte> v(7);
        comm.broadcast(v, 0);
      },
      [](Communicator& comm) {
        std::vector<std::byte> v(8);
        (void)comm.gather(v, 0);
      },
      [](Communicator& comm) {
        std::vector<std::byte> v(8);
        (void)comm.gather(v, 1);
      },
  };
  for (std::size_t a = 0; a < calls.size(); ++a) {
    for (std::size_t b = 0; b < calls.size(); ++b) {
      const auto body = [&](Communicator& comm) { calls[comm.rank() == 0 ? a : b](comm); };
      if (a == b) {
        EXPECT_NO_THROW(run_on_threads(2, body)) << a;
      } else {
        EXPECT_NE(system_error_of(2, body).find("do not call the same collective"), std::string::npos) << a << " " << b;
      }
    }
  }
}

TEST(ThreadCommunicator, FindsARankThatReturnsTooEarly) {
  const std::string text = system_error_of(3, [](Communicator& comm) {
    comm.barrier();
    if (comm.rank() != 2) comm.barrier();
  });
  EXPECT_NE(text.find("rank 2 returned while others wait for it in a collective"), std::string::npos) << text;
}

TEST(ThreadCommunicator, RanksAreThreadsWithTheirOwnNumber) {
  std::array<std::atomic<int>, 5> seen{};
  run_on_threads(5, [&](Communicator& comm) {
    EXPECT_EQ(comm.local_rank(), comm.rank());
    EXPECT_EQ(comm.local_size(), 5);
    ++seen[static_cast<std::size_t>(comm.rank())];
  });
  for (const auto& count : seen) EXPECT_EQ(count.load(), 1);
}

TEST(ThreadCommunicator, RefusesNoRanks) {
  EXPECT_THROW(run_on_threads(0, [](Communicator&) {}), Error);
  EXPECT_THROW(run_on_threads(-1, [](Communicator&) {}), Error);
}

}  // namespace thread_communicator_test
}  // namespace datus
