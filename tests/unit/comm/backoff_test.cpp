// SPDX-License-Identifier: Apache-2.0
#include "comm/backoff.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace datus {
namespace patience_test {

using namespace std::chrono_literals;

TEST(Backoff, EndsWhenItsTimeIsOver) {
  EXPECT_TRUE(Backoff(0ms).over());
  EXPECT_FALSE(Backoff(1h).over());
  const auto begin = std::chrono::steady_clock::now();
  const Backoff backoff(20ms);
  while (!backoff.over()) backoff.pause();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

TEST(Backoff, AsksOftenAtFirstAndSeldomLater) {
  // A bound that holds on any machine, however busy: each pause after the first ones takes time.
  const Backoff backoff(100ms);
  int early = 0;
  int late = 0;
  const auto begin = std::chrono::steady_clock::now();
  while (!backoff.over()) {
    (std::chrono::steady_clock::now() - begin < 10ms ? early : late) += 1;
    backoff.pause();
  }
  EXPECT_GT(early, 0);
  EXPECT_LE(late, 90ms / 78us + 1);
}

}  // namespace patience_test
}  // namespace datus
