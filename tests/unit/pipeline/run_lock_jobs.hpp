// SPDX-License-Identifier: Apache-2.0
#pragma once

// Jobs, locks and waiting for the tests of the lock of a run.

#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "pipeline/session/run_lock.hpp"
#include "support/temp_folder.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace datus::test {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

inline constexpr milliseconds never = std::chrono::hours(24 * 365);
inline constexpr milliseconds beat(20);
/// A lock that is waited for until the test is ended from outside.
inline constexpr LockTiming patient{.stale_after = never, .heartbeat = beat};
inline constexpr LockTiming hasty{.stale_after = milliseconds(200), .heartbeat = beat};

inline JobIdentity job(const std::string& number, std::int64_t restart = 0) {
  return {number, restart, this_process()};
}

/// A job on a machine of which nothing can be seen from here.
inline JobIdentity foreign_job() {
  return {"815", 1, {"node-far-away", "a boot of another machine", "pid:[1]", 4242, 99}};
}

/// A job of this machine whose process has ended.
inline JobIdentity dead_job(const std::string& number = "1") {
  JobIdentity dead = job(number);
  dead.root.started -= 1;
  return dead;
}

inline std::string text_of(const JobIdentity& holder) {
  return to_text(holder) + "\n";
}

/// Sets the modification time to so many seconds from now.
inline void set_age(const fs::path& file, std::int64_t seconds_from_now) {
  timespec now{};
  ASSERT_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
  now.tv_sec += seconds_from_now;
  const std::array<timespec, 2> times{now, now};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times.data(), 0), 0);
}

inline std::pair<std::int64_t, std::int64_t> modified(const fs::path& file) {
  struct stat status {};
  EXPECT_EQ(stat(file.c_str(), &status), 0);
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

/// Waits until `condition` holds; false when it does not after very long.
inline bool eventually(const std::function<bool()>& condition) {
  const auto limit = steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

/// What a failing call says; empty when it does not fail.
inline std::string failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::failure);
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A folder, and locks on one file in it.
class RunLockJobs : public testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<RunLock> lock(const JobIdentity& holder, LockTiming timing = patient) {
    return std::make_unique<RunLock>(file, holder, comm, timing);
  }
  /// What is said when the lock is refused; empty when it is given.
  [[nodiscard]] std::string refusal(const JobIdentity& holder, LockTiming timing = patient) {
    try {
      (void)lock(holder, timing);
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::failure);
      return error.what();
    }
    return {};
  }

  TempFolder folder;
  fs::path file = folder / "lock";
  SelfCommunicator comm;
};

}  // namespace datus::test
