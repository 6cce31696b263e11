// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/lock_file.hpp"
#include "run_lock_jobs.hpp"

#include <array>
#include <barrier>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace datus::test {
namespace run_lock_takeover_test {

class RunLockTakeover : public RunLockJobs {};

/// A child process that holds the lock until it is killed.
class HoldingChild {
 public:
  explicit HoldingChild(const fs::path& file) : pid_(fork()) {
    if (pid_ != 0) return;
    SelfCommunicator comm;
    try {
      const RunLock held(file, job("77"), comm, patient);
      for (;;) pause();
    } catch (...) {
      _exit(1);
    }
  }
  ~HoldingChild() {
    kill();
    EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
  }
  HoldingChild(const HoldingChild&) = delete;
  HoldingChild& operator=(const HoldingChild&) = delete;
  HoldingChild(HoldingChild&&) = delete;
  HoldingChild& operator=(HoldingChild&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Ends it as hard as can be; it stays as a zombie.
  void kill() const {
    ::kill(pid_, SIGKILL);
    siginfo_t ignored{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED | WNOWAIT), 0);
  }

 private:
  pid_t pid_;
};

TEST_F(RunLockTakeover, AKilledProcessIsFollowedAtOnce) {
  const HoldingChild child(file);
  const JobIdentity next = job("78");
  ASSERT_TRUE(eventually([&] { return fs::exists(file) && bytes_of(file).ends_with('\n'); }));
  const std::string text = refusal(next);
  EXPECT_TRUE(contains(text, std::to_string(child.pid()))) << text;
  EXPECT_TRUE(contains(text, "job 77")) << text;
  child.kill();
  const auto held = lock(next);  // it would wait for a year if it had to wait
  held->require_held();
  EXPECT_EQ(bytes_of(file), text_of(next));
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"lock"});
}

TEST_F(RunLockTakeover, APidThatWasGivenAgainDoesNotKeepTheLock) {
  write_bytes(file, text_of(dead_job()));
  lock(job("2"))->require_held();
}

TEST_F(RunLockTakeover, AHigherRestartTakesOverFromALivingOne) {
  auto old = lock(job("4711", 1));
  const auto next = lock(job("4711", 2));
  next->require_held();
  const std::string text = failure_of([&] { old->require_held(); });
  for (const std::string& part : {folder.path().string(), std::string("job 4711"), std::string("restart 2"),
                                  this_process().host, std::to_string(getpid())}) {
    EXPECT_TRUE(contains(text, part)) << part << " in: " << text;
  }
  old.reset();  // takes nothing with it
  next->require_held();
}

TEST_F(RunLockTakeover, AHigherRestartOfAnotherJobIsAnotherJob) {
  const auto held = lock(job("4711", 1));
  EXPECT_NE(refusal(job("4712", 2)), "");
  held->require_held();
}

TEST_F(RunLockTakeover, AHigherRestartTakesOverFromAnotherMachine) {
  write_bytes(file, text_of(foreign_job()));
  JobIdentity next = job("815", 2);
  lock(next)->require_held();
}

/// Touches a file again and again, by a clock that is so many seconds off.
class Beating {
 public:
  explicit Beating(const fs::path& file, std::int64_t seconds_off = 0)
      : thread_([file, seconds_off](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            set_age(file, seconds_off);
            std::this_thread::sleep_for(milliseconds(3));
          }
        }) {}

 private:
  std::jthread thread_;
};

TEST_F(RunLockTakeover, AHolderElsewhereThatBeatsIsLeftAlone) {
  for (const std::string& content : {text_of(foreign_job()), std::string("no lock at all\n")}) {
    write_bytes(file, content);
    const Beating beating(file);
    const std::string text = refusal(job("2"));
    EXPECT_TRUE(contains(text, "--run")) << text;
    if (content.starts_with("job")) {
      for (const char* part : {"job 815", "restart 1", "node-far-away", "4242", "scancel 815"}) {
        EXPECT_TRUE(contains(text, part)) << part << " in: " << text;
      }
    }
    EXPECT_EQ(bytes_of(file), content);
  }
}

// Its time lies ahead of every clock here: only whether it moves counts.
TEST_F(RunLockTakeover, AHolderElsewhereThatIsSilentIsFollowedAfterAWhile) {
  write_bytes(file, text_of(foreign_job()));
  set_age(file, 3600);
  const auto begin = steady_clock::now();
  const auto held = lock(job("2"), hasty);
  EXPECT_GE(steady_clock::now() - begin, hasty.stale_after);
  held->require_held();
  EXPECT_EQ(bytes_of(file), text_of(job("2")));
}

// Where files have the time of whoever writes: a clock may be wrong, a beat is a beat.
TEST_F(RunLockTakeover, AHolderWhoseClockIsWrongIsLeftAlone) {
  for (const std::int64_t seconds_off : {-3600, 3600}) {
    write_bytes(file, text_of(foreign_job()));
    set_age(file, seconds_off);
    const Beating beating(file, seconds_off);
    EXPECT_TRUE(
        contains(refusal(job("2"), {.stale_after = std::chrono::minutes(30), .heartbeat = beat}), "node-far-away"))
        << seconds_off;
  }
}

// By the clock of this machine; its process cannot be seen from here all the same, as from another container.
TEST_F(RunLockTakeover, ALockThatIsOldByOurClockIsFollowedAtOnce) {
  JobIdentity hidden = job("815");
  hidden.root.process_space = "pid:[1]";
  write_bytes(file, text_of(hidden));
  set_age(file, -3600);
  lock(job("2"), {.stale_after = std::chrono::minutes(30), .heartbeat = never})->require_held();
}

TEST_F(RunLockTakeover, ALockThatIsOldForTheFileServerIsFollowedAfterTwoBeats) {
  for (const std::string& content : {text_of(foreign_job()), std::string(), std::string("garbage"),
                                     std::string(100'000, '\0'), text_of(foreign_job()).substr(0, 40),
                                     to_text(foreign_job()), text_of(foreign_job()) + text_of(foreign_job())}) {
    SCOPED_TRACE(content.substr(0, 200));
    write_bytes(file, content);
    set_age(file, -3600);
    const auto begin = steady_clock::now();
    lock(job("2"), {.stale_after = std::chrono::minutes(30), .heartbeat = beat})->require_held();
    EXPECT_GE(steady_clock::now() - begin, 2 * beat);
  }
}

// One that was cut off must not be taken for a process of this machine that does not exist.
TEST_F(RunLockTakeover, AnEmptyOrDamagedLockMayBeOneThatIsJustWritten) {
  const std::string living = text_of(job("1"));
  for (const std::string& content : {std::string(), living.substr(0, living.size() / 2),
                                     living.substr(0, living.size() - 3), std::string("garbage\n")}) {
    SCOPED_TRACE(content);
    write_bytes(file, content);
    set_age(file, 3600);
    const auto begin = steady_clock::now();
    lock(job("2"), hasty)->require_held();
    EXPECT_GE(steady_clock::now() - begin, hasty.stale_after);
  }
}

TEST_F(RunLockTakeover, ALockThatIsWrittenWhileItIsWatchedIsJudgedAnew) {
  write_bytes(file, "");
  std::jthread writer([this] {
    // Long enough, mostly, for the other job to have begun; if not, it finds the text at once.
    std::this_thread::sleep_for(5 * beat);
    write_bytes(folder / "new", text_of(job("4711", 5)));
    fs::rename(folder / "new", file);
  });
  const std::string text = refusal(job("2"));
  EXPECT_TRUE(contains(text, "restart 5")) << text;
}

TEST_F(RunLockTakeover, ALockThatGoesWhileItIsWatchedIsFree) {
  write_bytes(file, text_of(foreign_job()));
  std::jthread remover([this] {
    std::this_thread::sleep_for(5 * beat);
    fs::remove(file);
  });
  lock(job("2"))->require_held();
}

TEST_F(RunLockTakeover, TheLongestTimesAreNoShortOnes) {
  write_bytes(file, text_of(foreign_job()));
  const Beating beating(file);
  EXPECT_NE(refusal(job("2"), {.stale_after = milliseconds::max(), .heartbeat = beat}), "");
}

/// A contender for the lock: has it if the lock was given, and is still held when all are through.
struct Contender {
  std::unique_ptr<RunLock> held;
  bool has_it = false;
};

TEST_F(RunLockTakeover, OfJobsThatTakeOverAtOnceOneHasTheLock) {
  constexpr int rounds = 25;
  int doubles = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    write_bytes(file, text_of(dead_job("0")));
    std::array<Contender, 3> contenders;
    std::barrier together(static_cast<std::ptrdiff_t>(contenders.size()));
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        threads.emplace_back([&, i] {
          Contender& contender = contenders[i];
          SelfCommunicator alone;
          together.arrive_and_wait();
          try {
            contender.held = std::make_unique<RunLock>(file, job(std::to_string(i + 1)), alone, patient);
          } catch (const AgreedError& error) {
            EXPECT_TRUE(contains(error.what(), "is in use")) << error.what();
          }
          together.arrive_and_wait();
          contender.has_it = contender.held && failure_of([&] { contender.held->require_held(); }).empty();
        });
      }
    }
    int given = 0;
    int held = 0;
    for (const Contender& contender : contenders) {
      given += contender.held ? 1 : 0;
      held += contender.has_it ? 1 : 0;
    }
    EXPECT_EQ(held, 1);
    doubles += given > 1 ? 1 : 0;
    EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"lock"});
    for (Contender& contender : contenders) contender.held.reset();
    EXPECT_FALSE(fs::exists(file));
  }
  // Both may be given the lock when one of them is stopped at the wrong instant, which is rare.
  EXPECT_LT(doubles, rounds / 2);
}

// Of two jobs that have judged a lock dead, the first to rename sees the file of the second a moment later. The rename
// of the second comes too late only on a machine that is very busy, and not each time.
TEST_F(RunLockTakeover, AJobThatIsOverrunWhileItTakesOverIsRefused) {
  const auto is_refused = [this] {
    write_bytes(file, text_of(dead_job("0")));
    write_bytes(folder / "second", text_of(job("2")));
    const std::jthread second([this](const std::stop_token& stop) {
      const lock_detail::LockFile lock_file(file);
      while (!stop.stop_requested()) {
        if (lock_file.holds(text_of(job("1")))) return fs::rename(folder / "second", file);
        std::this_thread::sleep_for(milliseconds(1));
      }
    });
    const std::string text = refusal(job("1"), {.stale_after = never, .heartbeat = std::chrono::seconds(2)});
    return contains(text, "job 2");
  };
  bool refused = false;
  for (int i = 0; i < 20 && !refused; ++i) refused = is_refused();
  EXPECT_TRUE(refused);
}

TEST_F(RunLockTakeover, OfJobsThatStartAtOnceOneHasTheLock) {
  constexpr int rounds = 50;
  for (int round = 0; round < rounds; ++round) {
    std::array<std::unique_ptr<RunLock>, 3> locks;
    std::barrier together(static_cast<std::ptrdiff_t>(locks.size()));
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < locks.size(); ++i) {
        threads.emplace_back([&, i] {
          SelfCommunicator alone;
          together.arrive_and_wait();
          try {
            locks[i] = std::make_unique<RunLock>(file, job(std::to_string(i + 1)), alone, patient);
          } catch (const AgreedError& error) {
            EXPECT_TRUE(contains(error.what(), "is in use")) << error.what();
          }
        });
      }
    }
    int given = 0;
    for (const auto& held : locks) {
      if (!held) continue;
      ++given;
      held->require_held();
    }
    EXPECT_EQ(given, 1);
  }
}

}  // namespace run_lock_takeover_test
}  // namespace datus::test
