// SPDX-License-Identifier: Apache-2.0
#include "datus/core/job_identity.hpp"

#include "datus/core/error.hpp"

#include <array>
#include <cctype>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace datus {
namespace job_identity_test {

/// Clock ticks since the boot, as the kernel counts them for the start of a process.
std::int64_t ticks_since_boot() {
  timespec now{};
  EXPECT_EQ(clock_gettime(CLOCK_BOOTTIME, &now), 0);
  const std::int64_t ticks = sysconf(_SC_CLK_TCK);
  return now.tv_sec * ticks + now.tv_nsec * ticks / 1'000'000'000;
}

/// A child that waits until it is killed.
class Child {
 public:
  Child() : pid_(fork()) {
    if (pid_ == 0) {
      for (;;) pause();
    }
  }
  ~Child() {
    kill();
    reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Ends it, and waits until it has ended; it stays as a zombie.
  void kill() const {
    if (reaped_) return;
    ::kill(pid_, SIGKILL);
    siginfo_t ignored{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED | WNOWAIT), 0);
  }
  void reap() {
    if (std::exchange(reaped_, true)) return;
    EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
  }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

/// The one start in [from, to] at which a process with this number lives; 0 if there is none.
std::int64_t start_of(pid_t pid, std::int64_t from, std::int64_t to) {
  ProcessIdentity process = this_process();
  process.process = pid;
  std::int64_t found = 0;
  for (process.started = from; process.started <= to; ++process.started) {
    if (state_of(process) != ProcessState::alive) continue;
    EXPECT_EQ(found, 0) << "two starts are taken for right";
    found = process.started;
  }
  return found;
}

/// Sets environment variables, and puts them back.
class Environment {
 public:
  Environment(const char* job, const char* restart) {
    set("SLURM_JOB_ID", job);
    set("SLURM_RESTART_COUNT", restart);
  }
  ~Environment() {
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  Environment(Environment&&) = delete;
  Environment& operator=(Environment&&) = delete;

 private:
  static void set(const char* name, const char* value) {
    EXPECT_EQ(value != nullptr ? setenv(name, value, 1) : unsetenv(name), 0);
  }
};

JobIdentity some_job() {
  return {"4711", 2, {"node-7.cluster", "5345f8ce-7b8e-4026-b838-d351dc7b13be", "pid:[4026531836]", 12345, 987654}};
}

TEST(JobIdentity, ThisProcessIsItself) {
  const ProcessIdentity self = this_process();
  std::array<char, 256> host{};
  ASSERT_EQ(gethostname(host.data(), host.size() - 1), 0);
  EXPECT_EQ(self.host, host.data());
  EXPECT_EQ(self.process, getpid());
  EXPECT_EQ(self, this_process());
}

TEST(JobIdentity, WhatTheKernelTellsIsRead) {
  if (!std::filesystem::exists("/proc/self/ns/pid")) GTEST_SKIP() << "this system tells nothing of processes";
  const ProcessIdentity self = this_process();
  EXPECT_EQ(self.boot.size(), 36U) << self.boot;  // a UUID
  EXPECT_TRUE(self.process_space.starts_with("pid:[")) << self.process_space;
  EXPECT_GT(self.started, 0);
  EXPECT_LE(self.started, ticks_since_boot() + 1);
  EXPECT_EQ(state_of(self), ProcessState::alive);
}

// The start is compared with a clock that was read before and after the process began.
TEST(JobIdentity, TheStartOfAProcessIsInTicksSinceTheBoot) {
  if (this_process().boot.empty()) GTEST_SKIP();
  const std::int64_t before = ticks_since_boot();
  const Child child;
  const std::int64_t after = ticks_since_boot();
  EXPECT_NE(start_of(child.pid(), before - 1, after + 1), 0);
}

TEST(JobIdentity, ACommandNameMayHoldAnything) {
  const ProcessIdentity before = this_process();
  std::array<char, 16> old{};
  ASSERT_EQ(prctl(PR_GET_NAME, old.data()), 0);
  for (const char* name : {"a) Z 1 2 (b", ")))) Z ) Z", "( ( (", "with spaces", "\n) Z 1\n", ""}) {
    SCOPED_TRACE(name);
    ASSERT_EQ(prctl(PR_SET_NAME, name), 0);
    EXPECT_EQ(this_process(), before);
    EXPECT_EQ(state_of(before), before.boot.empty() ? ProcessState::unknown : ProcessState::alive);
  }
  ASSERT_EQ(prctl(PR_SET_NAME, old.data()), 0);
}

TEST(JobIdentity, AProcessIsDeadWhenItHasEnded) {
  if (this_process().boot.empty()) GTEST_SKIP();
  ProcessIdentity process = this_process();
  const std::int64_t before = ticks_since_boot();
  Child child;
  process.process = child.pid();
  process.started = start_of(child.pid(), before - 1, ticks_since_boot() + 1);
  EXPECT_EQ(state_of(process), ProcessState::alive);
  child.kill();
  EXPECT_EQ(state_of(process), ProcessState::dead) << "as a zombie";
  child.reap();
  EXPECT_EQ(state_of(process), ProcessState::dead) << "without a trace";
}

TEST(JobIdentity, APidThatWasGivenAgainIsAnotherProcess) {
  if (this_process().boot.empty()) GTEST_SKIP();
  ProcessIdentity process = this_process();
  process.started -= 1;
  EXPECT_EQ(state_of(process), ProcessState::dead);
  process.started += 2;
  EXPECT_EQ(state_of(process), ProcessState::dead);
}

// The kernel answers for the number of a thread too.
TEST(JobIdentity, AThreadIsNotAProcess) {
  if (this_process().boot.empty()) GTEST_SKIP();
  ProcessIdentity process = this_process();
  std::thread([&process] {
    process.process = syscall(SYS_gettid);
    process.started -= 1;  // the thread may have begun in the same tick as the process
    EXPECT_EQ(state_of(process), ProcessState::dead);
  }).join();
}

TEST(JobIdentity, NothingIsSaidOfProcessesElsewhere) {
  const auto state_with = [](auto change) {
    ProcessIdentity process = this_process();
    change(process);
    return state_of(process);
  };
  using Identity = ProcessIdentity;
  EXPECT_EQ(state_with([](Identity& process) { process.boot = "another boot"; }), ProcessState::unknown);
  EXPECT_EQ(state_with([](Identity& process) { process.boot.clear(); }), ProcessState::unknown);
  EXPECT_EQ(state_with([](Identity& process) { process.process_space = "pid:[1]"; }), ProcessState::unknown);
  EXPECT_EQ(state_with([](Identity& process) { process.process_space.clear(); }), ProcessState::unknown);
  EXPECT_EQ(state_with([](Identity& process) { process.started = 0; }), ProcessState::unknown);
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 32, std::numeric_limits<std::int64_t>::min(),
        getpid() + (std::int64_t{1} << 32), std::int64_t{-5'000'000}, (std::int64_t{1} << 32) + 5'000'000}) {
    EXPECT_EQ(state_with([&](Identity& process) { process.process = number; }), ProcessState::unknown) << number;
  }
}

// Containers are given host names at will.
TEST(JobIdentity, TheHostNameSaysNothing) {
  if (this_process().boot.empty()) GTEST_SKIP();
  ProcessIdentity process = this_process();
  process.host = "another";
  EXPECT_EQ(state_of(process), ProcessState::alive);
}

TEST(JobIdentity, TheBatchSystemNamesTheJob) {
  const Environment environment("4711", "3");
  const JobIdentity job = job_from_environment();
  EXPECT_EQ(job.job, "4711");
  EXPECT_EQ(job.restart, 3);
  EXPECT_EQ(job.root, this_process());
  EXPECT_TRUE(job.launch().starts_with("4711.3." + std::to_string(getpid()) + ".")) << job.launch();
}

// In containers all first processes are number 1.
TEST(JobIdentity, LaunchesDifferWhereverTheJobsDiffer) {
  const JobIdentity job = job_from_environment();
  EXPECT_EQ(job.launch(), job_from_text(to_text(job)).launch());
  std::set<std::string> launches = {job.launch()};
  const auto with = [&](auto change) {
    JobIdentity other = job;
    change(other);
    launches.insert(other.launch());
  };
  with([](JobIdentity& other) { other.root.process_space = "pid:[1]"; });
  with([](JobIdentity& other) { other.root.host += "x"; });
  with([](JobIdentity& other) { other.root.boot += "x"; });
  with([](JobIdentity& other) { ++other.root.started; });
  EXPECT_EQ(launches.size(), 5U);
}

TEST(JobIdentity, WithoutABatchSystemTheJobIsLocal) {
  for (const char* job : {static_cast<const char*>(nullptr), ""}) {
    const Environment environment(job, "3");
    EXPECT_EQ(job_from_environment().job, "local");
    EXPECT_EQ(job_from_environment().restart, 0);
  }
}

TEST(JobIdentity, ACountThatIsNoneIsZero) {
  for (const char* count :
       {static_cast<const char*>(nullptr), "", "x", "1x", " 1", "-1", "1.5", "99999999999999999999999"}) {
    const Environment environment("4711", count);
    EXPECT_EQ(job_from_environment().restart, 0) << (count == nullptr ? "none" : count);
  }
}

TEST(JobIdentity, AJobIsFitForFileNames) {
  {
    const Environment environment("../a b\n/\xc3\xa4;7_A-z", nullptr);
    EXPECT_EQ(job_from_environment().job, "___a_b_____7_A-z");
  }
  const Environment environment(std::string(10000, '7').c_str(), nullptr);
  const std::string job = job_from_environment().job;
  EXPECT_GE(job.size(), 20U);
  EXPECT_LE(job_from_environment().launch().size(), 100U);
}

TEST(JobIdentity, TextAndBack) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  std::vector<JobIdentity> jobs{some_job(), JobIdentity{}, job_from_environment()};
  for (const std::string& text : {all_bytes, std::string("a;b=c%41"), std::string("%"), std::string("%4"),
                                  std::string("100%25"), std::string("\n"), std::string(1, '\0'), std::string("ü ;")}) {
    JobIdentity job = some_job();
    job.root.host = text;
    jobs.push_back(job);
    job.job = job.root.boot = job.root.process_space = text;
    jobs.push_back(job);
  }
  JobIdentity extreme = some_job();
  extreme.restart = std::numeric_limits<std::int64_t>::max();
  extreme.root.process = std::numeric_limits<std::int64_t>::min();
  extreme.root.started = -1;
  jobs.push_back(extreme);
  for (const JobIdentity& job : jobs) {
    const std::string text = to_text(job);
    for (const char c : text) EXPECT_TRUE(c > ' ' && c < 127) << static_cast<int>(c);
    EXPECT_EQ(job_from_text(text), job) << text;
  }
}

// A file may have been cut off anywhere, and must not name another process then.
TEST(JobIdentity, NoPartOfATextIsAText) {
  const std::string text = to_text(some_job());
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_THROW((void)job_from_text(text.substr(0, length)), InputError) << length;
    EXPECT_THROW((void)job_from_text(text.substr(length + 1)), InputError) << length;
    EXPECT_THROW((void)job_from_text(std::string(text).replace(length, 1, 1, '\0')), InputError) << length;
    EXPECT_THROW((void)job_from_text(std::string(text).erase(length, 1) + " "), InputError) << length;
  }
}

TEST(JobIdentity, WhatIsNoTextIsRefused) {
  const std::string text = to_text(some_job());
  const auto with = [&](const std::string& from, const std::string& to) {
    const std::size_t position = text.find(from);
    EXPECT_NE(position, std::string::npos) << from;
    return std::string(text).replace(position, from.size(), to);
  };
  for (const std::string& wrong : {std::string("{}"),
                                   std::string(5000, 'x'),
                                   std::string(200, '\0'),
                                   text + "\n",
                                   text + text,
                                   " " + text,
                                   with("restart=2", "restart=02"),
                                   with("restart=2", "restart=+2"),
                                   with("restart=2", "restart= 2"),
                                   with("restart=2", "restart=2x"),
                                   with("restart=2", "restart="),
                                   with("restart=2", "restart=-0"),
                                   with("restart=2", "restart=99999999999999999999"),
                                   with("restart=2;", ""),
                                   with("restart=2", "restarts=2"),
                                   with("restart=2;", "restart=2;restart=2;"),
                                   with("restart=2", "restart"),
                                   with("node-7", "node 7"),
                                   with("node-7", "%6Eode-7"),
                                   with("node-7", "node-7%"),
                                   with("node-7", "node-7%2"),
                                   with("node-7", "node-7%zz"),
                                   with("node-7", "n%c3ode"),
                                   with("job=4711;restart=2;", "restart=2;job=4711;")}) {
    EXPECT_THROW((void)job_from_text(wrong), InputError) << wrong;
  }
}

TEST(JobIdentity, TheErrorIsAShortLine) {
  try {
    (void)job_from_text(std::string(100'000, '\n'));
    FAIL();
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_LT(text.size(), 1000U);
    for (const char c : text) EXPECT_TRUE(std::isprint(static_cast<unsigned char>(c)) != 0);
  }
}

}  // namespace job_identity_test
}  // namespace datus
