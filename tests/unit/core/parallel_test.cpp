// SPDX-License-Identifier: Apache-2.0
#include "datus/core/parallel.hpp"

#include "datus/core/error.hpp"
#include "no_new_threads.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace {

/// Runs the function on a thread that has called nothing yet.
void on_new_thread(const std::function<void()>& function) {
  std::thread(function).join();
}

/// A call of `threads` indices, each on a thread of its own: they wait for each other before body(i).
void call_on_all(int threads, const std::function<void(std::int64_t)>& body) {
  std::atomic<int> missing{threads};
  parallel_for(threads, threads, [&](std::int64_t i) {
    --missing;
    while (missing > 0) std::this_thread::yield();
    body(i);
  });
}

std::set<std::thread::id> threads_of_call(int threads) {
  std::mutex mutex;
  std::set<std::thread::id> ids;
  call_on_all(threads, [&](std::int64_t) {
    const std::scoped_lock lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  return ids;
}

TEST(ParallelFor, EachIndexOnce) {
  for (const int threads : {-1, 0, 1, 2, 5, 3}) {
    for (const std::int64_t count : {0, 1, 2, 3, 100}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      parallel_for(count, threads, [&](std::int64_t i) { ++seen[static_cast<std::size_t>(i)]; });
      for (const auto& times : seen) ASSERT_EQ(times.load(), 1) << count << " on " << threads;
    }
  }
}

TEST(ParallelFor, OneThreadOrOneIndexIsTheCaller) {
  for (const auto [count, threads] : {std::array{5, 1}, std::array{1, 5}, std::array{5, 0}}) {
    parallel_for(count, threads, [caller = std::this_thread::get_id()](std::int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
    });
  }
}

TEST(ParallelFor, TheLowestIndexThatRanIsRethrown) {
  for (int repeat = 0; repeat < 100; ++repeat) {
    try {
      call_on_all(4, [](std::int64_t i) { throw std::runtime_error(std::to_string(i)); });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "0");
    }
  }
}

TEST(ParallelFor, AfterAnErrorNoIndexBeginsAndTheNextCallIsAsAny) {
  for (const int threads : {1, 2, 5}) {
    std::atomic<int> begun{0};
    EXPECT_THROW(parallel_for(1'000'000, threads,
                              [&](std::int64_t) {
                                ++begun;
                                throw std::runtime_error("boom");
                              }),
                 std::runtime_error);
    EXPECT_LE(begun, threads);
    std::atomic<int> sum{0};
    parallel_for(100, threads, [&](std::int64_t i) { sum += static_cast<int>(i); });
    EXPECT_EQ(sum, 4950);
  }
}

TEST(ParallelFor, HelpersStayGrowInNumberAndEndWithTheirThread) {
  struct End {
    std::atomic<int>* ended = nullptr;
    ~End() {
      if (ended != nullptr) ++*ended;
    }
  };
  std::atomic<int> ended{0};
  on_new_thread([&] {
    const auto three = threads_of_call(3);
    EXPECT_EQ(three.size(), 3U);
    EXPECT_TRUE(three.contains(std::this_thread::get_id()));
    for (int repeat = 0; repeat < 20; ++repeat) EXPECT_EQ(threads_of_call(3), three);

    const auto five = threads_of_call(5);
    EXPECT_EQ(five.size(), 5U);
    EXPECT_TRUE(std::ranges::includes(five, three));
    for (const std::thread::id id : threads_of_call(2)) EXPECT_TRUE(five.contains(id));

    call_on_all(5, [&](std::int64_t) {
      thread_local End end;
      end.ended = &ended;
    });
    EXPECT_EQ(ended, 0);
  });
  EXPECT_EQ(ended, 5);
}

TEST(ParallelFor, CallsOfABodyThatSharesTheThreadsRunInItsThread) {
  std::vector<std::atomic<int>> seen(100);
  call_on_all(4, [&](std::int64_t outer) {
    parallel_for(25, 4, [&, thread = std::this_thread::get_id()](std::int64_t inner) {
      EXPECT_EQ(std::this_thread::get_id(), thread);
      ++seen[static_cast<std::size_t>(25 * outer + inner)];
    });
  });
  for (const auto& times : seen) EXPECT_EQ(times.load(), 1);
  // Afterwards the caller has its helpers again.
  EXPECT_EQ(threads_of_call(4).size(), 4U);
}

TEST(ParallelFor, CallsOfABodyThatRunsAloneHaveTheThreads) {
  parallel_for(2, 1, [](std::int64_t) { EXPECT_EQ(threads_of_call(3).size(), 3U); });
  parallel_for(1, 3, [](std::int64_t) { EXPECT_EQ(threads_of_call(3).size(), 3U); });
}

TEST(ParallelFor, AnErrorOfANestedCallArrives) {
  EXPECT_THROW(call_on_all(3,
                           [](std::int64_t) {
                             parallel_for(9, 3, [](std::int64_t i) {
                               if (i == 7) throw std::runtime_error("boom");
                             });
                           }),
               std::runtime_error);
}

TEST(ParallelFor, ManyThreadsCallAtTheSameTime) {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([caller] {
      for (int repeat = 0; repeat < 300; ++repeat) {
        std::vector<std::int64_t> squares(50);
        parallel_for(50, 1 + (caller + repeat) % 4,
                     [&](std::int64_t i) { squares[static_cast<std::size_t>(i)] = i * i; });
        for (std::int64_t i = 0; i < 50; ++i) ASSERT_EQ(squares[static_cast<std::size_t>(i)], i * i);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(ParallelFor, HelpersRoundAsTheCallerDoes) {
  const auto expect_mode = [](int mode) {
    call_on_all(3, [mode](std::int64_t) { EXPECT_EQ(std::fegetround(), mode); });
  };
  const int before = std::fegetround();
  expect_mode(before);
  for (const int mode : {FE_UPWARD, FE_TOWARDZERO}) {
    ASSERT_EQ(std::fesetround(mode), 0);
    expect_mode(mode);
  }
  ASSERT_EQ(std::fesetround(before), 0);
  // What bodies leave behind is not the next call's.
  call_on_all(3, [](std::int64_t i) {
    if (i > 0) (void)std::fesetround(FE_DOWNWARD);
  });
  (void)std::fesetround(before);
  expect_mode(before);
}

TEST(ParallelFor, WithoutThreadsItSaysSoAndBeginsNothing) {
  on_new_thread([] {
    const test::NoNewThreads limit;
    EXPECT_THROW(parallel_for(8, 3, [](std::int64_t) { ADD_FAILURE() << "an index ran"; }), SystemError);
  });
  // Those that are there serve.
  on_new_thread([] {
    const auto three = threads_of_call(3);
    const test::NoNewThreads limit;
    EXPECT_THROW(parallel_for(8, 4, [](std::int64_t) { ADD_FAILURE() << "an index ran"; }), SystemError);
    EXPECT_EQ(threads_of_call(3), three);
  });
}

TEST(ParallelForDeathTest, AChildHasHelpersOfItsOwnAndEnds) {
  ASSERT_EQ(threads_of_call(3).size(), 3U);
  EXPECT_EXIT(std::exit(static_cast<int>(threads_of_call(4).size())), testing::ExitedWithCode(4), "");
  EXPECT_EXIT(std::exit(5), testing::ExitedWithCode(5), "");
}

}  // namespace
}  // namespace datus
