// SPDX-License-Identifier: Apache-2.0
#include "datus/core/stop_signals.hpp"

#include "datus/core/error.hpp"

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

namespace datus {
namespace stop_signals_test {

TEST(StopSignals, EachSignalSetsTheFlagAndNothingElse) {
  for (const int signal : {SIGTERM, SIGUSR1, SIGINT}) {
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

TEST(StopSignals, GraceCountsFromTheFirstSignal) {
  using std::chrono::seconds;
  const StopSignals signals;
  EXPECT_FALSE(signals.out_of_grace(seconds(0)));
  EXPECT_NO_THROW(signals.check_grace(seconds(0), "work"));
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  EXPECT_TRUE(signals.out_of_grace(seconds(0)));
  EXPECT_FALSE(signals.out_of_grace(seconds(3600)));
  try {
    signals.check_grace(seconds(0), "Shard 12");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const InterruptedError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::interrupted);
    EXPECT_NE(std::string(error.what()).find("Shard 12"), std::string::npos) << error.what();
  }
}

// A batch step often gets the same event twice: the second one does not shorten the grace.
TEST(StopSignals, AnImmediateRepeatSaysNothingNew) {
  const StopSignals signals;
  ASSERT_EQ(std::raise(SIGTERM), 0);
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  EXPECT_FALSE(signals.out_of_grace(std::chrono::seconds(3600)));
}

TEST(StopSignals, CtrlCAgainIsSomebodyWhoInsists) {
  const StopSignals signals;
  ASSERT_EQ(std::raise(SIGINT), 0);
  ASSERT_EQ(std::raise(SIGINT), 0);
  EXPECT_FALSE(signals.out_of_grace(std::chrono::seconds(3600))) << "the launcher's, of the same key";
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_FALSE(signals.out_of_grace(std::chrono::seconds(3600)));
  ASSERT_EQ(std::raise(SIGINT), 0);
  EXPECT_TRUE(signals.out_of_grace(std::chrono::seconds(3600)));
}

TEST(StopSignals, TheOldHandlersComeBack) {
  { const StopSignals signals; }
  EXPECT_EXIT(std::raise(SIGTERM), testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(std::raise(SIGUSR1), testing::KilledBySignal(SIGUSR1), "");
}

}  // namespace stop_signals_test
}  // namespace datus
