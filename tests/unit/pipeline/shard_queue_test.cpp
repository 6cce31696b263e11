// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/shard_queue.hpp"

#include "datus/core/error.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <latch>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace shard_queue_test {

namespace fs = std::filesystem;

std::vector<ShardIndex> shards(int count) {
  std::vector<ShardIndex> todo;
  for (int i = 0; i < count; ++i) todo.push_back({10 + 3 * i});  // a resumed job has gaps
  return todo;
}

/// Who worked on which shard.
using Log = std::vector<std::vector<std::int64_t>>;

/// Works off a queue of `count` shards on `ranks` threads; `work(rank, shard)` takes its time.
template <class Work>
Log work_off(const fs::path& folder, int ranks, int count, Work work) {
  Log log(static_cast<std::size_t>(ranks));
  run_on_threads(ranks, [&](Communicator& comm) {
    ShardQueue queue(folder, shards(count), comm);
    EXPECT_EQ(queue.total(), count);
    while (const auto shard = queue.claim()) {
      EXPECT_GE(queue.claimed(), 1);
      log[static_cast<std::size_t>(comm.rank())].push_back(shard->value);
      work(comm.rank(), shard->value);
    }
    EXPECT_FALSE(queue.claim().has_value());
    EXPECT_TRUE(queue.finish().empty());
  });
  return log;
}

std::vector<std::int64_t> all_of(const Log& log) {
  std::vector<std::int64_t> all;
  for (const auto& part : log) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::int64_t> values_of(const std::vector<ShardIndex>& todo) {
  std::vector<std::int64_t> values;
  for (const auto shard : todo) values.push_back(shard.value);
  return values;
}

TEST(ShardQueue, EachShardOnceWhateverTheWork) {
  for (int ranks = 1; ranks <= 6; ++ranks) {
    for (const int count : {0, 1, 2, 5, 6, 23}) {
      SCOPED_TRACE(std::to_string(ranks) + " ranks, " + std::to_string(count) + " shards");
      const TempFolder folder;
      const Log log = work_off(folder / "claims" / "stage", ranks, count, [](int rank, std::int64_t shard) {
        std::this_thread::sleep_for(std::chrono::microseconds((shard * 37 + rank * 91) % 300));
      });
      EXPECT_EQ(all_of(log), values_of(shards(count)));
      EXPECT_FALSE(fs::exists(folder / "claims" / "stage")) << "the claims were left behind";
    }
  }
}

TEST(ShardQueue, EachRankStartsAtItsOwnPart) {
  const TempFolder folder;
  std::vector<std::int64_t> first(4, -1);
  run_on_threads(4, [&](Communicator& comm) {
    ShardQueue queue(folder / "claims", shards(8), comm);
    first[static_cast<std::size_t>(comm.rank())] = queue.claim()->value;
    comm.barrier();
    while (queue.claim()) {
    }
    EXPECT_TRUE(queue.finish().empty());
  });
  EXPECT_EQ(first, (std::vector<std::int64_t>{10, 16, 22, 28}));
}

// A rank that is stuck with its first shard does not keep the rest of its part from the others.
TEST(ShardQueue, OthersTakeWhatASlowRankHasLeft) {
  const TempFolder folder;
  std::mutex mutex;
  std::latch slow_rank_has_one(1);
  int taken_by_others = 0;
  run_on_threads(3, [&](Communicator& comm) {
    ShardQueue queue(folder / "claims", shards(12), comm);
    if (comm.rank() == 1) {
      EXPECT_TRUE(queue.claim().has_value());
      slow_rank_has_one.count_down();
      const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      for (bool waiting = true; waiting && std::chrono::steady_clock::now() < limit;) {
        const std::scoped_lock lock(mutex);
        waiting = taken_by_others < 11;
      }
      EXPECT_FALSE(queue.claim().has_value());
    } else {
      slow_rank_has_one.wait();
      while (queue.claim()) {
        const std::scoped_lock lock(mutex);
        ++taken_by_others;
      }
    }
    EXPECT_TRUE(queue.finish().empty());
  });
  EXPECT_EQ(taken_by_others, 11);
}

TEST(ShardQueue, ClaimsOfAnEarlierJobDoNotCount) {
  const TempFolder folder;
  write_bytes(folder / "claims" / "10", "");
  write_bytes(folder / "claims" / "13", "");
  EXPECT_EQ(all_of(work_off(folder / "claims", 2, 3, [](int, std::int64_t) {})), values_of(shards(3)));
}

// Another job that believes to have the run.
TEST(ShardQueue, WhatSomebodyElseClaimedIsTakenBack) {
  const TempFolder folder;
  std::mutex mutex;
  std::set<std::int64_t> left;
  run_on_threads(3, [&](Communicator& comm) {
    ShardQueue queue(folder / "claims", shards(8), comm);
    if (comm.rank() == 1) {
      write_bytes(folder / "claims" / "13", "");
      write_bytes(folder / "claims" / "28", "");
    }
    comm.barrier();
    while (queue.claim()) {
    }
    for (const ShardIndex shard : queue.finish()) {
      const std::scoped_lock lock(mutex);
      left.insert(shard.value);
    }
  });
  EXPECT_EQ(left, (std::set<std::int64_t>{13, 28}));
}

TEST(ShardQueue, ClaimsThatVanishEndNothing) {
  const TempFolder folder;
  std::mutex mutex;
  std::set<std::int64_t> done;
  run_on_threads(2, [&](Communicator& comm) {
    ShardQueue queue(folder / "claims" / "stage", shards(8), comm);
    for (int i = 0; const auto shard = queue.claim(); ++i) {
      std::error_code in_use;
      if (comm.rank() == 0 && i == 1) fs::remove_all(folder / "claims", in_use);
      const std::scoped_lock lock(mutex);
      done.insert(shard->value);
    }
    EXPECT_TRUE(queue.finish().empty());
  });
  EXPECT_EQ(done.size(), 8U);
}

// It loses the run before it begins, or between its claims, when the other job may have cleared away the folder.
TEST(ShardQueue, WhoMayWorkNoMoreClaimsAndMakesNothing) {
  const TempFolder folder;
  std::atomic<bool> lost = true;
  const auto ask = [&] {
    if (lost) throw SystemError("The run was taken over", "by another job", "Let it go on.");
  };
  run_on_threads(2, [&](Communicator& comm) {
    EXPECT_THROW(ShardQueue(folder / "claims", shards(4), comm, {}, ask), AgreedError);
    EXPECT_FALSE(fs::exists(folder / "claims"));
    comm.barrier();
    lost = false;
    comm.barrier();
    ShardQueue queue(
        folder / "claims", shards(4), comm, [&] { return lost.load(); }, ask);
    comm.barrier();
    lost = true;
    fs::remove_all(folder / "claims");
    comm.barrier();
    // It is asked to stop, too, which it would leave a file about.
    EXPECT_THROW(static_cast<void>(queue.claim()), SystemError);
    comm.barrier();
    EXPECT_FALSE(fs::exists(folder / "claims"));
  });
}

// A signal may reach one rank only; the others learn of it at their next claim.
TEST(ShardQueue, ARequestToStopOnOneRankStopsAll) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    const TempFolder folder;
    std::mutex mutex;
    int claimed = 0;
    run_on_threads(ranks, [&](Communicator& comm) {
      bool requested = false;
      ShardQueue queue(folder / "claims", shards(20), comm, [&] { return requested && comm.rank() == ranks - 1; });
      EXPECT_TRUE(queue.claim().has_value());
      comm.barrier();
      requested = true;
      if (comm.rank() == ranks - 1) {
        EXPECT_FALSE(queue.claim().has_value());
      }
      comm.barrier();
      EXPECT_FALSE(queue.claim().has_value());
      {
        const std::scoped_lock lock(mutex);
        claimed = std::max(claimed, static_cast<int>(queue.claimed()));
      }
      EXPECT_TRUE(queue.finish().empty());
    });
    EXPECT_EQ(claimed, ranks);
  }
}

// The last that another rank claimed may not be done yet.
TEST(ShardQueue, WhatOthersHaveFinishedAtLeast) {
  const TempFolder folder;
  run_on_threads(3, [&](Communicator& comm) {
    ShardQueue queue(folder / "claims", shards(20), comm);
    EXPECT_EQ(queue.finished_elsewhere(), 0);
    comm.barrier();
    for (int i = 0; i < 1 + comm.rank(); ++i) EXPECT_TRUE(queue.claim().has_value());
    comm.barrier();
    EXPECT_EQ(queue.finished_elsewhere(), 6 - (1 + comm.rank()) - 2);
    comm.barrier();
    EXPECT_EQ(queue.finish().size(), 20U - 6U);
  });
}

TEST(ShardQueue, PeekNamesTheNextClaimAndTakesNothing) {
  const TempFolder folder;
  run_on_threads(2, [&](Communicator& comm) {
    ShardQueue queue(folder / "claims", shards(6), comm);
    const auto next = queue.peek();
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(queue.peek()->value, next->value);
    comm.barrier();
    EXPECT_EQ(queue.claim()->value, next->value);
    comm.barrier();
    if (comm.rank() == 0) {
      while (queue.claim()) {
      }
    }
    comm.barrier();
    EXPECT_FALSE(queue.peek().has_value()) << "all are taken";
    EXPECT_TRUE(queue.finish().empty());
  });
}

TEST(ShardQueue, AFolderThatCannotBeMadeIsAnErrorOnAllRanks) {
  const TempFolder folder;
  write_bytes(folder / "file", "");
  int errors = 0;
  std::mutex mutex;
  run_on_threads(3, [&](Communicator& comm) {
    try {
      const ShardQueue queue(folder / "file" / "claims", shards(3), comm);
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::failure);
      const std::scoped_lock lock(mutex);
      ++errors;
    }
  });
  EXPECT_EQ(errors, 3);
}

}  // namespace shard_queue_test
}  // namespace datus::test
