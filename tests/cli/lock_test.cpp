// SPDX-License-Identifier: Apache-2.0
#include "cli/reference_run.hpp"
#include "datus/core/job_identity.hpp"
#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/small_sample.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <list>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

// RUN/lock as neighbours, broken disks and wrong clocks make it. Nothing is lost, and what happens is said.
namespace datus::test {
namespace lock_test {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Of a job on another machine.
const std::string elsewhere =
    to_text({"815", 1, {"node-far-away", "a boot of another machine", "pid:[1]", 4242, 99}}) + "\n";

class Lock : public ReferenceRun<Lock, 3> {
 protected:
  static fs::path lock_in(const TempFolder& folder) { return folder / small_run_name / "lock"; }
  /// A lock whose time is so much ahead of now, or behind it.
  static void write_lock(const TempFolder& folder, const std::string& text, seconds ahead) {
    write_bytes(lock_in(folder), text);
    fs::last_write_time(lock_in(folder), fs::file_time_type::clock::now() + ahead);
  }
  static Process start(const TempFolder& folder, const Arguments& environment = {}) {
    return start_program(sample()->run(), {.folder = folder.path(), .environment = environment});
  }
  /// Of a job that rests before each shard of keys.
  static Arguments slowly() {
    return {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT=rename:*:delay=600:/keys/.0"};
  }
  static void wait_for_first_shard(const TempFolder& folder, Process& job) {
    while (job.running() && !fs::exists(folder / small_run_name / "keys" / "000000.h5")) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    ASSERT_TRUE(job.running()) << job.wait(seconds(1));
  }

  static void expect_said(const Outcome& outcome, const std::string& text) {
    EXPECT_NE(outcome.err.find(text), std::string::npos) << "not '" << text << "': " << outcome;
  }
  static void expect_done(const TempFolder& folder, const Outcome& outcome) {
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(joined_lines(differences(folder / small_run_name, reference())), "");
  }
  /// Nothing that was finished is lost, and the next start ends well.
  static void expect_goes_on(const TempFolder& folder) {
    EXPECT_EQ(joined_lines(damage(results_of(folder / small_run_name), reference())), "");
    expect_done(folder, start(folder).wait(seconds(120)));
  }
};

// Nobody renews these. Whoever made a fresh one may be about to write its name into it: a minute is waited; an old one
// is watched for two beats. All of that at once, as it takes no time of the processor.
TEST_F(Lock, ALeftOverIsTakenOver) {
  struct Case {
    std::string text;
    seconds ahead;
    std::string watched;
    std::string holder;
  };
  const std::string damaged = "a job that cannot be named, because the lock file is empty or damaged";
  const std::string far = "job 815, restart 1, process 4242 on host node-far-away";
  const std::vector<Case> cases = {
      {"garbage\n", seconds(0), "60 s", damaged},
      {"", seconds(0), "60 s", damaged},
      {elsewhere, hours(1), "60 s", far},
      {std::string(100'000, '\0'), -hours(1), "10 s", damaged},
      {elsewhere.substr(0, elsewhere.size() / 2), -hours(1), "10 s", damaged},
      {elsewhere, -hours(1), "10 s", far},
  };
  std::list<TempFolder> folders;
  std::list<Process> jobs;
  for (const Case& one : cases) {
    write_lock(folders.emplace_back(), one.text, one.ahead);
    jobs.emplace_back(command_line(sample()->run()), folders.back().path());
  }
  for (const Case& one : cases) {
    SCOPED_TRACE(one.text.substr(0, 20) + " " + std::to_string(one.ahead.count()));
    const Outcome outcome = jobs.front().wait(seconds(200));
    expect_said(outcome, "watching its lock for up to " + one.watched);
    expect_said(outcome, "took over the run directory " + small_run_name + " from " + one.holder);
    expect_done(folders.front(), outcome);
    jobs.pop_front();
    folders.pop_front();
  }
}

/// Renews a lock as its holder would, by a clock that is wrong.
class Holder {
 public:
  Holder(const fs::path& lock, seconds ahead)
      : thread_([lock, ahead](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            std::error_code taken_over;
            fs::last_write_time(lock, fs::file_time_type::clock::now() + ahead, taken_over);
            std::this_thread::sleep_for(milliseconds(100));
          }
        }) {}

 private:
  std::jthread thread_;
};

TEST_F(Lock, AHolderWhoseClockIsWrongKeepsItsRun) {
  for (const seconds ahead : {seconds(-hours(1)), seconds(0), seconds(hours(1))}) {
    SCOPED_TRACE(ahead.count());
    const TempFolder folder;
    write_lock(folder, elsewhere, ahead);
    const Holder holder(lock_in(folder), ahead);
    const Outcome outcome = start(folder).wait(seconds(60));
    EXPECT_EQ(outcome.code, 1) << outcome;
    expect_said(outcome,
                "is in use (job 815, restart 1, process 4242 on host node-far-away; its lock is being renewed)");
    EXPECT_EQ(bytes_of(lock_in(folder)), elsewhere);
    EXPECT_EQ(files_below(folder / small_run_name), std::vector<std::string>{"lock"});
  }
}

TEST_F(Lock, ThatWaitCanBeStopped) {
  const TempFolder folder;
  write_lock(folder, "garbage\n", seconds(0));
  Process job = start(folder);
  std::this_thread::sleep_for(seconds(2));
  job.send(SIGTERM);
  const Outcome outcome = job.wait(seconds(30));
  EXPECT_EQ(outcome.code, 75) << outcome;
  EXPECT_EQ(bytes_of(lock_in(folder)), "garbage\n");
}

TEST_F(Lock, AJobWhoseLockIsRemovedStops) {
  const TempFolder folder;
  Process job = start(folder, slowly());
  wait_for_first_shard(folder, job);
  fs::remove(lock_in(folder));
  const Outcome outcome = job.wait(seconds(60));
  EXPECT_EQ(outcome.code, 1) << outcome;
  expect_said(outcome, "The lock " + small_run_name + "/lock is gone");
  EXPECT_FALSE(fs::exists(folder / small_run_name / "segments.h5"));
  expect_goes_on(folder);
}

TEST_F(Lock, AJobWhoseLockIsOverwrittenStops) {
  const TempFolder folder;
  Process job = start(folder, slowly());
  wait_for_first_shard(folder, job);
  write_bytes(lock_in(folder), "garbage\n");
  const Outcome outcome = job.wait(seconds(60));
  EXPECT_EQ(outcome.code, 1) << outcome;
  expect_said(outcome, "was taken over (its lock is that of a job that cannot be named");
  EXPECT_EQ(bytes_of(lock_in(folder)), "garbage\n");
  fs::remove(lock_in(folder));
  expect_goes_on(folder);
}

// The holder is seen to be alive, whatever the time of its lock.
TEST_F(Lock, ALockOfALivingProcessMayHaveAnyTime) {
  const TempFolder folder;
  Process job = start(folder, slowly());
  wait_for_first_shard(folder, job);
  for (const seconds ahead : {seconds(-hours(1)), seconds(hours(1))}) {
    fs::last_write_time(lock_in(folder), fs::file_time_type::clock::now() + ahead);
    const Outcome second = start(folder).wait(seconds(60));
    EXPECT_EQ(second.code, 1) << second;
    expect_said(second, "that process is alive");
  }
  expect_done(folder, job.wait(seconds(60)));
}

TEST_F(Lock, WhatCannotBeReadIsNoLock) {
  const TempFolder folder;
  const fs::path lock = lock_in(folder);
  write_lock(folder, elsewhere, seconds(0));
  const Arguments denied = {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT=open:2+:EACCES:/lock$"};
  const Outcome refused = start(folder, denied).wait(seconds(60));
  EXPECT_EQ(refused.code, 1) << refused;
  expect_said(refused, "Cannot read the lock " + small_run_name + "/lock (Permission denied)");
  EXPECT_EQ(bytes_of(lock), elsewhere);

  fs::remove(lock);
  fs::create_symlink(source_path("README.md"), lock);
  const Outcome link = start(folder).wait(seconds(60));
  EXPECT_EQ(link.code, 1) << link;
  expect_said(link, "Cannot read the lock " + small_run_name + "/lock (Too many levels of symbolic links)");
  EXPECT_TRUE(fs::is_symlink(lock));
  fs::remove(lock);
  fs::create_directory(lock);
  const Outcome in_its_place = start(folder).wait(seconds(60));
  EXPECT_EQ(in_its_place.code, 1) << in_its_place;
  expect_said(in_its_place, "Cannot read the lock " + small_run_name + "/lock (Is a directory)");
}

// Of another user, in a folder that both may write to.
TEST_F(Lock, ALockThatOnlyItsOwnerMayReadIsLeftAlone) {
  const TempFolder folder;
  write_lock(folder, elsewhere, -hours(1));
  fs::permissions(lock_in(folder), fs::perms::none);
  Arguments as_nobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  for (const fs::path& place : {folder.path(), folder / small_run_name}) fs::permissions(place, fs::perms::all);
  Arguments reads = as_nobody;
  reads.insert(reads.end(), {"test", "-x", program_path()});
  if (::geteuid() != 0 || Process(reads, folder.path()).wait(seconds(10)).code != 0) {
    GTEST_SKIP() << "needs to be root, and a program that others may start";
  }
  Arguments command = as_nobody;
  for (const std::string& word : command_line(sample()->run())) command.push_back(word);
  const Outcome outcome = Process(command, folder.path()).wait(seconds(60));
  EXPECT_EQ(outcome.code, 1) << outcome;
  expect_said(outcome, "Cannot read the lock " + small_run_name + "/lock (Permission denied)");
  EXPECT_EQ(bytes_of(lock_in(folder)), elsewhere);
}

}  // namespace lock_test
}  // namespace datus::test
