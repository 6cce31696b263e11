#include "datus/core/stop_signals.hpp"

#include <csignal>

#include <gtest/gtest.h>

namespace datus {
namespace {

TEST(StopSignals, EachSignalSetsTheFlagAndNothingElse) {
  for (const int signal : {SIGTERM, SIGUSR1}) {
    const StopSignals signals;
    EXPECT_FALSE(signals.requested());
    ASSERT_EQ(std::raise(signal), 0);
    EXPECT_TRUE(signals.requested());
    ASSERT_EQ(std::raise(signal), 0);
    EXPECT_TRUE(signals.requested());
  }
}

TEST(StopSignals, EarlierSignalsAreForgotten) {
  {
    const StopSignals signals;
    ASSERT_EQ(std::raise(SIGTERM), 0);
  }
  EXPECT_FALSE(StopSignals().requested());
}

TEST(StopSignals, TheOldHandlersComeBack) {
  { const StopSignals signals; }
  EXPECT_EXIT(std::raise(SIGTERM), testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(std::raise(SIGUSR1), testing::KilledBySignal(SIGUSR1), "");
}

}  // namespace
}  // namespace datus
