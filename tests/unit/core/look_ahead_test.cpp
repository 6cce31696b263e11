// SPDX-License-Identifier: Apache-2.0
#include "datus/core/look_ahead.hpp"

#include "no_new_threads.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace look_ahead_test {

/// What was asked of a `make`, in order.
class Calls {
 public:
  void add(std::int64_t key) {
    const std::scoped_lock lock(mutex_);
    keys_.push_back(key);
  }
  [[nodiscard]] std::vector<std::int64_t> keys() const {
    const std::scoped_lock lock(mutex_);
    return keys_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::int64_t> keys_;
};

using Keys = std::vector<std::int64_t>;

void wait_for_stop(const std::stop_token& stop) {
  while (!stop.stop_requested()) std::this_thread::yield();
}

TEST(LookAhead, MakesTheBegunValueOnceOnAnotherThread) {
  Calls calls;
  std::thread::id maker;
  std::latch made(1);
  LookAhead<std::string> ahead([&](std::int64_t key, const std::stop_token&) {
    calls.add(key);
    maker = std::this_thread::get_id();
    made.count_down();
    return "value " + std::to_string(key);
  });
  ahead.start(7);
  ahead.start(7);  // under way or done
  made.wait();     // made before anybody asks for it
  ahead.start(7);
  EXPECT_EQ(ahead.take(7), "value 7");
  EXPECT_EQ(calls.keys(), Keys{7});
  EXPECT_NE(maker, std::this_thread::get_id());
}

TEST(LookAhead, TakeWaitsForTheValueThatIsBeingMade) {
  std::latch release(1);
  std::latch making(1);
  std::atomic<bool> taken{false};
  LookAhead<int> ahead([&](std::int64_t key, const std::stop_token&) {
    making.count_down();
    release.wait();
    return static_cast<int>(key) * 10;
  });
  ahead.start(4);
  making.wait();
  int value = 0;
  std::jthread taker([&] {
    value = ahead.take(4);
    taken = true;
  });
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_FALSE(taken.load());
  release.count_down();
  taker.join();
  EXPECT_EQ(value, 40);
}

TEST(LookAhead, TakeMakesAValueThatWasNotBegunInTheCaller) {
  Calls calls;
  std::thread::id maker;
  LookAhead<int> ahead([&](std::int64_t key, const std::stop_token& stop) {
    calls.add(key);
    maker = std::this_thread::get_id();
    EXPECT_FALSE(stop.stop_requested());
    return static_cast<int>(key);
  });
  EXPECT_EQ(ahead.take(3), 3);
  EXPECT_EQ(maker, std::this_thread::get_id());
  EXPECT_EQ(calls.keys(), Keys{3});
}

TEST(LookAhead, ATakenValueIsForgotten) {
  Calls calls;
  LookAhead<int> ahead([&](std::int64_t key, const std::stop_token&) {
    calls.add(key);
    return static_cast<int>(calls.keys().size());
  });
  ahead.start(5);
  EXPECT_EQ(ahead.take(5), 1);
  EXPECT_EQ(ahead.take(5), 2);
  ahead.start(5);
  EXPECT_EQ(ahead.take(5), 3);
  EXPECT_EQ(calls.keys(), (Keys{5, 5, 5}));
}

TEST(LookAhead, KeyZeroAndNegativeKeysAreKeysLikeOthers) {
  Calls calls;
  LookAhead<std::int64_t> ahead([&](std::int64_t key, const std::stop_token&) {
    calls.add(key);
    return key;
  });
  for (const std::int64_t key : {0, -1}) {
    ahead.start(key);
    EXPECT_EQ(ahead.take(key), key);
  }
  EXPECT_EQ(calls.keys(), (Keys{0, -1}));
}

TEST(LookAhead, AnotherKeyStopsAndDropsTheFirst) {
  std::latch making(1);
  std::atomic<bool> stopped{false};
  std::atomic<bool> overlap{false};
  LookAhead<std::string> ahead([&](std::int64_t key, const std::stop_token& stop) -> std::string {
    if (key == 1) {
      making.count_down();
      wait_for_stop(stop);  // ends only because the token asks for it
      stopped = true;
      return "stopped early";
    }
    overlap = !stopped;
    return "value " + std::to_string(key);
  });
  ahead.start(1);
  making.wait();
  ahead.start(2);
  EXPECT_TRUE(stopped.load());
  EXPECT_EQ(ahead.take(2), "value 2");
  EXPECT_FALSE(overlap.load()) << "two values were made at the same time";
}

TEST(LookAhead, TakingAnotherKeyStopsAndDropsTheFirst) {
  std::latch making(1);
  std::atomic<bool> stopped{false};
  LookAhead<int> ahead([&](std::int64_t key, const std::stop_token& stop) {
    if (key == 1 && !stopped) {
      making.count_down();
      wait_for_stop(stop);
      stopped = true;
    }
    EXPECT_TRUE(stopped.load());
    return static_cast<int>(key);
  });
  ahead.start(1);
  making.wait();
  EXPECT_EQ(ahead.take(2), 2);
  EXPECT_TRUE(stopped.load());
  EXPECT_EQ(ahead.take(1), 1);
}

TEST(LookAhead, ADroppedValueIsFreedBeforeTheNextIsMade) {
  std::atomic<int> alive{0};
  std::atomic<int> most{0};
  using Memory = std::shared_ptr<void>;
  LookAhead<Memory> ahead([&](std::int64_t, const std::stop_token&) {
    most = std::max(most.load(), ++alive);
    return Memory(&alive, [&alive](void*) { --alive; });
  });
  for (std::int64_t key = 0; key < 200; ++key) ahead.start(key);
  EXPECT_NE(ahead.take(1000), nullptr);
  EXPECT_EQ(most.load(), 1);
  EXPECT_EQ(alive.load(), 0);
}

TEST(LookAhead, RethrowsAtTakeWhatMakeThrewAndTriesAgainAfterwards) {
  std::atomic<int> calls{0};
  LookAhead<int> ahead([&](std::int64_t key, const std::stop_token&) -> int {
    if (++calls <= 2) throw std::runtime_error("shard " + std::to_string(key) + " is damaged");
    return static_cast<int>(key);
  });
  const auto text_of_take = [&]() -> std::string {
    try {
      (void)ahead.take(9);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return {};
  };
  EXPECT_NO_THROW(ahead.start(9));
  EXPECT_EQ(text_of_take(), "shard 9 is damaged");  // from the other thread
  EXPECT_EQ(text_of_take(), "shard 9 is damaged");  // from this one
  EXPECT_EQ(calls.load(), 2);
  ahead.start(9);
  EXPECT_EQ(ahead.take(9), 9);
}

TEST(LookAhead, AnErrorOfADroppedKeyIsDroppedToo) {
  LookAhead<int> ahead([&](std::int64_t key, const std::stop_token&) -> int {
    if (key == 1) throw 7;  // not even a standard one
    return static_cast<int>(key);
  });
  ahead.start(1);
  ahead.start(2);
  EXPECT_EQ(ahead.take(2), 2);
  ahead.start(1);
  EXPECT_EQ(ahead.take(3), 3);
  ahead.start(1);
  EXPECT_THROW((void)ahead.take(1), int);
}

TEST(LookAhead, DestructionStopsAndWaits) {
  std::latch making(1);
  std::atomic<bool> ended{false};
  {
    LookAhead<int> ahead([&](std::int64_t, const std::stop_token& stop) {
      making.count_down();
      wait_for_stop(stop);
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      ended = true;
      return 0;
    });
    ahead.start(1);
    making.wait();
  }
  EXPECT_TRUE(ended.load());
}

TEST(LookAhead, DestructionDropsAValueOrAnErrorThatNobodyTook) {
  auto memory = std::make_shared<int>(1);
  for (const bool fails : {false, true}) {
    {
      LookAhead<std::shared_ptr<int>> ahead([&](std::int64_t, const std::stop_token&) {
        if (fails) throw std::runtime_error("nobody asks");
        return memory;
      });
      ahead.start(1);
    }
    EXPECT_EQ(memory.use_count(), 1);
  }
  const LookAhead<int> unused([](std::int64_t, const std::stop_token&) { return 0; });
}

TEST(LookAhead, HoldsNothingAfterTake) {
  struct Held {
    const std::shared_ptr<int> memory;  // const: a move leaves it where it was
  };
  auto memory = std::make_shared<int>(1);
  LookAhead<Held> ahead([&memory](std::int64_t key, const std::stop_token&) {
    if (key == 1) throw Held{memory};
    return Held{memory};
  });
  ahead.start(0);
  EXPECT_EQ(*ahead.take(0).memory, 1);
  EXPECT_EQ(memory.use_count(), 1);
  ahead.start(1);
  EXPECT_THROW((void)ahead.take(1), Held);
  EXPECT_EQ(memory.use_count(), 1);
}

/// Neither copied nor made without a number.
class OnlyMovable {
 public:
  explicit OnlyMovable(std::int64_t number) : number_(std::make_unique<std::int64_t>(number)) {}
  [[nodiscard]] std::int64_t number() const { return *number_; }

 private:
  std::unique_ptr<std::int64_t> number_;
};

TEST(LookAhead, ValuesNeedOnlyBeMovable) {
  LookAhead<OnlyMovable> ahead([](std::int64_t key, const std::stop_token&) { return OnlyMovable(key); });
  ahead.start(12);
  EXPECT_EQ(ahead.take(12).number(), 12);
  EXPECT_EQ(ahead.take(13).number(), 13);
}

TEST(LookAhead, KeepsUpWithThousandsOfKeys) {
  constexpr std::int64_t keys = 3000;
  std::int64_t calls = 0;  // no lock: one call at a time, and `take` waits for it
  LookAhead<std::vector<std::int64_t>> ahead([&](std::int64_t key, const std::stop_token&) {
    ++calls;
    return std::vector<std::int64_t>(100, key);
  });
  ahead.start(0);
  for (std::int64_t key = 0; key < keys; ++key) {
    const auto value = ahead.take(key);
    if (key + 1 < keys) ahead.start(key + 1);
    ASSERT_EQ(value, std::vector<std::int64_t>(100, key));
  }
  EXPECT_EQ(calls, keys);
}

TEST(LookAhead, WithoutAThreadTheValueIsMadeAtTake) {
  Calls calls;
  std::thread::id maker;
  LookAhead<int> ahead([&](std::int64_t key, const std::stop_token&) {
    calls.add(key);
    maker = std::this_thread::get_id();
    return static_cast<int>(key);
  });
  {
    const test::NoNewThreads limit;
    EXPECT_NO_THROW(ahead.start(6));
    EXPECT_EQ(ahead.take(6), 6);
  }
  EXPECT_EQ(maker, std::this_thread::get_id());
  EXPECT_EQ(calls.keys(), Keys{6});
  ahead.start(8);
  EXPECT_EQ(ahead.take(8), 8);
  EXPECT_NE(maker, std::this_thread::get_id());
}

}  // namespace look_ahead_test
}  // namespace datus
