#include "comm/patience.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace datus {
namespace patience_test {

using namespace std::chrono_literals;

TEST(Patience, EndsWhenItsTimeIsOver) {
  EXPECT_TRUE(Patience(0ms).over());
  EXPECT_FALSE(Patience(1h).over());
  const auto begin = std::chrono::steady_clock::now();
  const Patience patience(20ms);
  while (!patience.over()) patience.pause();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

TEST(Patience, AsksOftenAtFirstAndSeldomLater) {
  // A bound that holds on any machine, however busy: each pause after the first ones takes time.
  const Patience patience(100ms);
  int early = 0;
  int late = 0;
  const auto begin = std::chrono::steady_clock::now();
  while (!patience.over()) {
    (std::chrono::steady_clock::now() - begin < 10ms ? early : late) += 1;
    patience.pause();
  }
  EXPECT_GT(early, 0);
  EXPECT_LE(late, 90ms / 78us + 1);
}

}  // namespace patience_test
}  // namespace datus
