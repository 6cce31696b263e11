// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/run_lock.hpp"

#include "run_lock_jobs.hpp"
#include "support/thread_communicator.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace datus::test {
namespace run_lock_test {

class RunLockTest : public RunLockJobs {};

TEST_F(RunLockTest, TheFileNamesTheHolderAndGoesWithTheLock) {
  auto held = lock(job("4711", 2));
  EXPECT_EQ(bytes_of(file), text_of(job("4711", 2)));
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"lock"});
  held->require_held();
  held.reset();
  EXPECT_TRUE(files_below(folder.path()).empty());
  EXPECT_EQ(refusal(job("2")), "");
}

TEST_F(RunLockTest, ASecondJobIsRefusedWhileTheFirstLives) {
  const auto held = lock(job("4711", 2));
  for (const JobIdentity& second : {job("4712"), job("4711", 2), job("4711", 1), job("local")}) {
    const std::string text = refusal(second);
    for (const std::string& part :
         {folder.path().string(), std::string("job 4711"), std::string("restart 2"), this_process().host,
          std::to_string(getpid()), std::string("Wait"), std::string("scancel 4711"), std::string("--run")}) {
      EXPECT_TRUE(contains(text, part)) << part << " in: " << text;
    }
    held->require_held();
  }
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"lock"});
}

TEST_F(RunLockTest, NoBatchJobIsCancelledWhereThereIsNone) {
  const auto held = lock(job("local"));
  const std::string text = refusal(job("local"));
  EXPECT_TRUE(contains(text, std::to_string(getpid()))) << text;
  EXPECT_FALSE(contains(text, "scancel")) << text;
}

TEST_F(RunLockTest, TheHolderBeats) {
  const auto held = lock(job("1"));
  set_age(file, -3600);
  const auto old = modified(file);
  EXPECT_TRUE(eventually([&] { return modified(file) != old; }));
  const auto first = modified(file);
  EXPECT_TRUE(eventually([&] { return modified(file) != first; })) << "one beat only";
  EXPECT_EQ(bytes_of(file), text_of(job("1")));
}

TEST_F(RunLockTest, AnotherJobsLockIsNotTouched) {
  auto held = lock(job("1"), {.stale_after = never, .heartbeat = milliseconds(1)});
  write_bytes(folder / "new", text_of(foreign_job()));
  fs::rename(folder / "new", file);
  set_age(file, -3600);
  const auto before = modified(file);
  std::this_thread::sleep_for(milliseconds(100));  // beats by the dozen
  EXPECT_EQ(modified(file), before);
  EXPECT_TRUE(contains(failure_of([&] { held->require_held(); }), "node-far-away"));
  held.reset();
  EXPECT_EQ(bytes_of(file), text_of(foreign_job())) << "the destructor removed what was not its own";
}

// With a beat a day: an end that waited for the next one would not come.
TEST_F(RunLockTest, TheEndDoesNotWaitForTheNextBeat) {
  for (const milliseconds heartbeat : {milliseconds(std::chrono::hours(24)), milliseconds::max()}) {
    const auto held = lock(job("1"), {.stale_after = milliseconds::max(), .heartbeat = heartbeat});
    std::this_thread::sleep_for(milliseconds(50));  // until the heartbeat has begun its pause
  }
}

TEST_F(RunLockTest, ALockThatIsGoneIsLost) {
  auto held = lock(job("1"));
  fs::remove(file);
  const std::string text = failure_of([&] { held->require_held(); });
  EXPECT_TRUE(contains(text, file.string())) << text;
  EXPECT_TRUE(contains(text, "gone")) << text;
  held.reset();
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(RunLockTest, ALockThatIsDamagedIsLost) {
  const auto held = lock(job("1"));
  const std::string text = bytes_of(file);
  for (const std::string& content : {std::string(), text.substr(0, text.size() - 1), text + text, text + "x"}) {
    write_bytes(file, content);
    EXPECT_NE(failure_of([&] { held->require_held(); }), "") << content;
  }
  write_bytes(file, text);
  held->require_held();
}

TEST_F(RunLockTest, AllThreadsMayAskWhileItBeats) {
  const auto held = lock(job("1"), {.stale_after = never, .heartbeat = milliseconds(1)});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&held] {
      for (int call = 0; call < 200; ++call) EXPECT_NO_THROW(held->require_held());
    });
  }
}

TEST_F(RunLockTest, WhatIsNoFileIsAnError) {
  fs::create_directory(file);
  EXPECT_TRUE(contains(refusal(job("1")), file.string()));
  fs::remove(file);
  fs::create_symlink("nowhere", file);
  EXPECT_TRUE(contains(refusal(job("1")), file.string()));
  fs::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_TRUE(contains(refusal(job("1")), file.string()));
  fs::remove(file);
  file = folder / "missing" / "lock";
  EXPECT_TRUE(contains(refusal(job("1")), file.string()));
}

TEST_F(RunLockTest, AllRanksHaveTheLock) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    run_on_threads(ranks, [&](Communicator& ranks_of_job) {
      {
        const RunLock held(file, job("1"), ranks_of_job, patient);
        held.require_held();
        ranks_of_job.barrier();
      }
      ranks_of_job.barrier();
      EXPECT_FALSE(fs::exists(file));
    });
  }
}

TEST_F(RunLockTest, ARefusalReachesAllRanks) {
  const auto held = lock(job("4711"));
  for (int ranks = 1; ranks <= 4; ++ranks) {
    std::mutex mutex;
    std::multiset<std::string> texts;
    run_on_threads(ranks, [&](Communicator& ranks_of_job) {
      try {
        const RunLock second(file, job("4712"), ranks_of_job, patient);
      } catch (const AgreedError& error) {
        EXPECT_EQ(error.exit_code(), ExitCode::failure);
        const std::scoped_lock guard(mutex);
        texts.insert(error.what());
      }
    });
    EXPECT_EQ(texts.size(), static_cast<std::size_t>(ranks));
    EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), 1U) << "the ranks were told different things";
    held->require_held();
  }
}

TEST_F(RunLockTest, EveryRankLearnsOfTheLoss) {
  std::atomic<int> losses{0};
  run_on_threads(3, [&](Communicator& ranks_of_job) {
    const RunLock held(file, job("1", 0), ranks_of_job, patient);
    std::unique_ptr<RunLock> other;
    on_root(ranks_of_job, [&] { other = lock(job("1", 1)); });
    if (contains(failure_of([&] { held.require_held(); }), "restart 1")) ++losses;
    ranks_of_job.barrier();
  });
  EXPECT_EQ(losses, 3);
}

}  // namespace run_lock_test
}  // namespace datus::test
