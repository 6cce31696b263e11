// SPDX-License-Identifier: Apache-2.0
#include "datus/core/write_behind.hpp"

#include "datus/core/error.hpp"
#include "no_new_threads.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <latch>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace write_behind_test {

/// Lets other threads run, long enough for one that need not wait to get past the place where it should.
void give_others_a_chance() {
  for (int i = 0; i < 2000; ++i) std::this_thread::yield();
}

/// The text of the std::runtime_error that `call` throws; an empty one when it throws none.
template <class Call>
std::string error_text(const Call& call) {
  try {
    call();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

void fail() {
  throw std::runtime_error("the disk is full");
}

class WriteBehindOfCapacity : public testing::TestWithParam<std::size_t> {};

TEST_P(WriteBehindOfCapacity, DoesEachTaskOnceInOrderOnOneOtherThread) {
  constexpr int tasks = 20000;
  std::vector<int> done;  // No lock: one thread at a time, and flush orders what it did before what follows.
  std::vector<std::thread::id> threads;
  WriteBehind writer(GetParam());
  for (int i = 0; i < tasks; ++i) {
    writer.push([&done, &threads, i] {
      done.push_back(i);
      threads.push_back(std::this_thread::get_id());
    });
  }
  writer.flush();
  std::vector<int> expected(tasks);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(done, expected);
  EXPECT_EQ(threads, std::vector<std::thread::id>(tasks, threads.front()));
  EXPECT_NE(threads.front(), std::this_thread::get_id());
}

TEST_P(WriteBehindOfCapacity, NeverHasMoreThanItsCapacityUnfinishedWhenPushReturns) {
  constexpr std::size_t tasks = 5000;
  std::atomic<std::size_t> finished{0};
  std::size_t most = 0;
  WriteBehind writer(GetParam());
  for (std::size_t pushed = 1; pushed <= tasks; ++pushed) {
    // Counts when it is freed: a task is not finished while it holds memory.
    std::shared_ptr<void> captured(nullptr, [&finished](void*) { ++finished; });
    writer.push([captured = std::move(captured)] { std::this_thread::yield(); });
    most = std::max(most, pushed - finished.load());
  }
  EXPECT_LE(most, GetParam());
  writer.flush();
  EXPECT_EQ(finished.load(), tasks);
}

TEST_P(WriteBehindOfCapacity, TakesAsManyTasksAsFitAndMakesTheNextPushWait) {
  const std::size_t capacity = GetParam();
  std::latch release(1);
  std::atomic<std::size_t> returned{0};
  std::atomic<bool> last_push_begins{false};
  WriteBehind writer(capacity);
  std::jthread pusher([&] {
    for (std::size_t i = 0; i < capacity; ++i) {
      writer.push([&] { release.wait(); });
      ++returned;
    }
    last_push_begins = true;
    writer.push([] {});
    ++returned;
  });
  // Only reached if the first `capacity` pushes do not wait.
  while (!last_push_begins) std::this_thread::yield();
  give_others_a_chance();
  EXPECT_EQ(returned.load(), capacity);
  release.count_down();
  pusher.join();
  EXPECT_EQ(returned.load(), capacity + 1);
}

TEST_P(WriteBehindOfCapacity, TellsAnErrorOnceDropsWhatWaitedAndGoesOn) {
  const std::size_t capacity = GetParam();
  std::latch release(1);
  std::atomic<int> done{0};
  WriteBehind writer(capacity);
  writer.push([&] {
    release.wait();
    fail();
  });
  for (std::size_t i = 1; i < capacity; ++i) writer.push([&] { ++done; });
  release.count_down();
  EXPECT_EQ(error_text([&] { writer.flush(); }), "the disk is full");
  EXPECT_NO_THROW(writer.flush());
  EXPECT_EQ(done.load(), 0) << "tasks after the failed one ran";
  writer.push([&] { done += 10; });
  EXPECT_NO_THROW(writer.flush());
  EXPECT_EQ(done.load(), 10);
}

TEST_P(WriteBehindOfCapacity, TellsAnErrorToAPushThatWaits) {
  const std::size_t capacity = GetParam();
  std::latch release(1);
  std::atomic<int> done{0};
  WriteBehind writer(capacity);
  writer.push([&] {
    release.wait();
    fail();
  });
  for (std::size_t i = 1; i < capacity; ++i) writer.push([&] { ++done; });
  std::string told;
  std::atomic<bool> begins{false};
  std::jthread pusher([&] {
    begins = true;
    told = error_text([&] { writer.push([&] { ++done; }); });
  });
  while (!begins) std::this_thread::yield();
  give_others_a_chance();
  release.count_down();
  pusher.join();
  EXPECT_EQ(told, "the disk is full");
  EXPECT_NO_THROW(writer.flush());
  EXPECT_EQ(done.load(), 0) << "the task of the push that threw, or one before it, ran";
}

TEST_P(WriteBehindOfCapacity, DropsTheWaitingTasksWhenItIsDestroyedButNotTheRunningOne) {
  const std::size_t capacity = GetParam();
  std::latch running(1);
  std::latch release(1);
  std::atomic<int> done{0};
  std::weak_ptr<int> held;
  auto writer = std::make_unique<WriteBehind>(capacity);
  auto memory = std::make_shared<int>(1);
  held = memory;
  writer->push([&, memory] {
    running.count_down();
    release.wait();
    ++done;
  });
  for (std::size_t i = 1; i < capacity; ++i) writer->push([&, memory] { done += 100; });
  memory.reset();
  running.wait();
  std::atomic<bool> destroyed{false};
  std::jthread destroyer([&] {
    writer.reset();
    destroyed = true;
  });
  give_others_a_chance();
  EXPECT_FALSE(destroyed.load()) << "the running task was left alone";
  // The waiting tasks go at once: what they hold is freed while the first still runs.
  while (held.use_count() > 1) std::this_thread::yield();
  release.count_down();
  destroyer.join();
  EXPECT_EQ(done.load(), 1);
  EXPECT_TRUE(held.expired());
}

INSTANTIATE_TEST_SUITE_P(Capacities, WriteBehindOfCapacity, testing::Values(1, 2, 7));

TEST(WriteBehind, DoesAsManyTasksAtATimeAsItHasThreads) {
  constexpr std::size_t threads = 4;
  std::atomic<std::size_t> running{0};
  std::atomic<std::size_t> most{0};
  std::latch all_run(threads);
  WriteBehind writer(7, threads);
  for (std::size_t i = 0; i < 200; ++i) {
    writer.push([&, i] {
      const std::size_t now = ++running;
      std::size_t seen = most.load();
      while (seen < now && !most.compare_exchange_weak(seen, now)) continue;
      // Ends only when four run at the same time.
      if (i < threads) all_run.arrive_and_wait();
      std::this_thread::yield();
      --running;
    });
  }
  writer.flush();
  EXPECT_EQ(most.load(), threads);
}

TEST(WriteBehind, BeginsAndReportsInOrderOnAnyThreads) {
  constexpr int tasks = 150;
  std::vector<int> expected(tasks);
  std::iota(expected.begin(), expected.end(), 0);
  for (const std::size_t threads : {1, 2, 5}) {
    std::vector<int> reported;  // No lock: one report at a time.
    std::vector<std::atomic<bool>> ended(tasks);
    WriteBehind writer(threads, threads);
    for (int i = 0; i < tasks; ++i) {
      writer.push(
          [&, i] {
            // The sooner of two often ends later.
            if (i % 2 == 0) give_others_a_chance();
            ended[static_cast<std::size_t>(i)] = true;
          },
          [&, i] {
            EXPECT_TRUE(std::all_of(ended.begin(), ended.begin() + i + 1, [](const auto& end) { return end.load(); }));
            reported.push_back(i);
          });
    }
    writer.flush();
    EXPECT_EQ(reported, expected) << threads << " threads";
  }
}

TEST(WriteBehind, TellsTheFirstErrorAndReportsWhatWasDoneBesideIt) {
  std::latch is_told(1);
  std::vector<std::string> reported;
  std::atomic<int> done{0};
  {
    WriteBehind writer(4, 2);
    writer.push(
        [&] {
          is_told.wait();
          ++done;
        },
        [&] { reported.emplace_back("first"); });
    writer.push([] { fail(); }, [&] { reported.emplace_back("failed"); });
    // These wait until the error drops them, or come too late.
    std::string told;
    while (told.empty()) told = error_text([&] { writer.push([&] { ++done; }); });
    is_told.count_down();
    EXPECT_EQ(told, "the disk is full");
    EXPECT_NO_THROW(writer.flush());
  }
  EXPECT_EQ(done.load(), 1);
  EXPECT_EQ(reported, std::vector<std::string>{"first"});
}

TEST(WriteBehind, SaysSecondErrorsAsWarnings) {
  std::latch both(2);
  testing::internal::CaptureStderr();
  WriteBehind writer(2, 2);
  for (int i = 0; i < 2; ++i) {
    writer.push([&] {
      both.arrive_and_wait();
      fail();
    });
  }
  EXPECT_EQ(error_text([&] { writer.flush(); }), "the disk is full");
  EXPECT_NO_THROW(writer.flush());
  EXPECT_NE(testing::internal::GetCapturedStderr().find("failed, too: the disk is full"), std::string::npos);
}

TEST(WriteBehind, AReportThatFailsIsAnError) {
  WriteBehind writer(2, 2);
  writer.push([] {}, fail);
  EXPECT_EQ(error_text([&] { writer.flush(); }), "the disk is full");
}

TEST(WriteBehind, WaitsForAllTasksThatRunWhenItIsDestroyed) {
  std::latch running(3);
  std::atomic<int> done{0};
  {
    WriteBehind writer(3, 3);
    for (int i = 0; i < 3; ++i) {
      writer.push([&] {
        running.arrive_and_wait();
        give_others_a_chance();
        ++done;
      });
    }
    running.wait();
  }
  EXPECT_EQ(done.load(), 3);
}

TEST(WriteBehind, FreesWhatATaskHeldBeforeItCountsAsFinished) {
  std::weak_ptr<int> held;
  WriteBehind writer;
  for (int i = 0; i < 1000; ++i) {
    auto memory = std::make_shared<int>(i);
    held = memory;
    writer.push([memory = std::move(memory)] {});
    writer.flush();
    ASSERT_TRUE(held.expired()) << "round " << i;
  }
}

TEST(WriteBehind, FreesWhatDroppedTasksHeldBeforeItTellsTheError) {
  std::latch release(1);
  auto memory = std::make_shared<int>(1);
  WriteBehind writer(3);
  writer.push([&release, memory] {
    release.wait();
    fail();
  });
  for (int i = 0; i < 2; ++i) writer.push([memory] {});
  release.count_down();
  EXPECT_EQ(error_text([&] { writer.flush(); }), "the disk is full");
  EXPECT_EQ(memory.use_count(), 1);
}

TEST(WriteBehind, IsUsableThroughManyErrors) {
  constexpr int rounds = 2000;
  int done = 0;
  int told = 0;
  WriteBehind writer(2);
  for (int round = 0; round < rounds; ++round) {
    // The error of a round is told by one of its later calls or by the flush, never by a later round.
    told += error_text([&] {
              writer.push(fail);
              writer.push([] {});
              writer.flush();
            }) == "the disk is full";
    EXPECT_NO_THROW(writer.flush());
    writer.push([&done] { ++done; });
    writer.flush();
  }
  EXPECT_EQ(told, rounds);
  EXPECT_EQ(done, rounds);
}

TEST(WriteBehind, TakesTasksFromSeveralThreads) {
  constexpr int pushers = 4;
  constexpr int tasks = 3000;
  std::vector<std::vector<int>> done(pushers);
  WriteBehind writer(3);
  {
    std::vector<std::jthread> threads;
    for (int p = 0; p < pushers; ++p) {
      threads.emplace_back([&, p] {
        for (int i = 0; i < tasks; ++i) {
          writer.push([&own = done[static_cast<std::size_t>(p)], i] { own.push_back(i); });
          if (i % 100 == 0) writer.flush();
        }
      });
    }
  }
  writer.flush();
  std::vector<int> expected(tasks);
  std::iota(expected.begin(), expected.end(), 0);
  for (const auto& own : done) EXPECT_EQ(own, expected);
}

TEST(WriteBehind, TellsAnErrorToOneOfSeveralThreads) {
  constexpr int pushers = 4;
  std::latch release(1);
  std::atomic<int> told{0};
  std::atomic<int> beginning{0};
  WriteBehind writer;
  writer.push([&] {
    release.wait();
    fail();
  });
  {
    std::vector<std::jthread> threads;
    for (int p = 0; p < pushers; ++p) {
      threads.emplace_back([&] {
        ++beginning;
        told += !error_text([&] { writer.push([] {}); }).empty();
      });
    }
    while (beginning < pushers) std::this_thread::yield();
    give_others_a_chance();
    release.count_down();
  }
  EXPECT_NO_THROW(writer.flush());
  EXPECT_EQ(told.load(), 1);
}

TEST(WriteBehind, PassesOnExceptionsThatAreNotStandardOnes) {
  WriteBehind writer;
  writer.push([] { throw 7; });
  EXPECT_THROW(writer.flush(), int);
  writer.push({});
  EXPECT_THROW(writer.flush(), std::bad_function_call);
}

TEST(WriteBehind, RefusesATaskThatWouldWaitForItself) {
  WriteBehind writer;
  writer.push([&writer] { writer.push([] {}); });
  EXPECT_NE(error_text([&] { writer.flush(); }).find("it would wait for itself"), std::string::npos);
  writer.push([&writer] { writer.flush(); });
  EXPECT_THROW(writer.flush(), Error);
}

TEST(WriteBehind, RefusesToHoldNothing) {
  EXPECT_THROW(WriteBehind(0), Error);
  EXPECT_THROW(WriteBehind(1, 0), Error);
}

TEST(WriteBehind, SaysThatItsThreadCannotBeStarted) {
  const test::NoNewThreads limit;
  EXPECT_THROW(WriteBehind(), SystemError);
}

TEST(WriteBehind, FlushesNothingAtOnceAndGoesWithoutEverBeingUsed) {
  WriteBehind writer;
  EXPECT_NO_THROW(writer.flush());
  const WriteBehind unused(5);
}

TEST(WriteBehind, SaysAsAWarningWhatNobodyWasTold) {
  testing::internal::CaptureStderr();
  {
    std::latch failing(1);
    WriteBehind writer;
    writer.push([&failing] {
      failing.count_down();
      fail();
    });
    failing.wait();
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("the disk is full"), std::string::npos);
  testing::internal::CaptureStderr();
  {
    WriteBehind writer;
    writer.push(fail);
    EXPECT_THROW(writer.flush(), std::runtime_error);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace write_behind_test
}  // namespace datus
