// SPDX-License-Identifier: Apache-2.0
#include "cli/reference_run.hpp"
#include "support/run_files.hpp"
#include "support/small_sample.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

// Masks and evaluation on three ranks, of which one is stopped or killed, or whose mpirun is; and disks that answer
// late. The others end or go on, nothing is lost, and the next start ends with the files of an undisturbed run.
namespace datus::test {
namespace lost_ranks_test {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int ranks = 3;

/// A stage with its files, and what makes it take a while. Sums of so many numbers as there are pairs of classes are
/// those of the evaluation alone, where clusters are there.
struct Slowed {
  std::string name;
  std::vector<std::string> missing;  ///< what a run that has come to it lacks
  std::string plan;                  ///< of the fault library
};
const std::vector<Slowed> stages = {
    {"mask", {"masks/", "scores/", "report/", "checksums.tsv"}, "rename:*:delay=400:/masks/.done/"},
    {"evaluate", {"scores/", "report/", "checksums.tsv"}, "MPI_Allreduce:*:delay=400:18"},
};

class LostRanks : public ReferenceRun<LostRanks, 8> {
 protected:
  /// A run directory that has come to that stage.
  static void prepare(const TempFolder& folder, const Slowed& stage) {
    for (const auto& [name, bytes] : reference()) {
      const auto lacks = [&name = name](const std::string& part) { return name.starts_with(part); };
      if (std::ranges::none_of(stage.missing, lacks)) write_bytes(folder / small_run_name / name, bytes);
    }
  }
  static void expect_nothing_lost(const TempFolder& folder) {
    EXPECT_EQ(joined_lines(damage(results_of(folder / small_run_name), reference())), "");
  }
  static void expect_goes_on(const TempFolder& folder) {
    expect_nothing_lost(folder);
    const Outcome outcome = run_program(sample()->run(), {.folder = folder.path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(joined_lines(differences(folder / small_run_name, reference())), "");
  }
};

/// A job on three ranks that has come to a slowed stage.
class Job {
 public:
  Job(const Arguments& run, const fs::path& folder, const Slowed& stage)
      : process_(command_line(run, {.ranks = ranks,
                                    .environment = {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT=" + stage.plan,
                                                    "DATUS_FAULT_LOG=" + (scratch_ / "log").string()}}),
                 folder, {"TMPDIR=" + scratch_.path().string()}) {
    while (process_.running() && !fs::exists(scratch_ / "log")) std::this_thread::sleep_for(milliseconds(2));
    ranks_ = process_.children();
    EXPECT_EQ(ranks_.size(), ranks);
  }
  ~Job() {
    for (const pid_t rank : ranks_) (void)::kill(rank, SIGKILL);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  Job(Job&&) = delete;
  Job& operator=(Job&&) = delete;

  Process& process() { return process_; }
  void send(std::size_t rank, int signal) const { (void)::kill(ranks_.at(rank), signal); }
  /// Whether all ranks but one end by themselves.
  [[nodiscard]] bool others_end(std::size_t but, seconds limit) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    const auto gone = [&](std::size_t rank) { return rank == but || has_ended(ranks_[rank]); };
    while (!(gone(0) && gone(1) && gone(2))) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }

 private:
  TempFolder scratch_;
  Process process_;
  std::vector<pid_t> ranks_;
};
constexpr std::size_t none = ranks;

// For longer than a lock lives: rank 0, which renews it, and another one. Nobody else is there to take the run over.
// DATUS_STOPPED_SECONDS=90 really waits.
TEST_F(LostRanks, AStoppedRankIsWaitedFor) {
  const char* const wanted = std::getenv("DATUS_STOPPED_SECONDS");
  const seconds stopped(wanted != nullptr ? std::atoi(wanted) : 1);
  for (const Slowed& stage : stages) {
    // Masks are made by each rank for itself, so that one of them will do.
    for (std::size_t rank = 0; rank < ranks; rank += stage.name == "mask" ? ranks : 2) {
      SCOPED_TRACE(stage.name + ", rank " + std::to_string(rank));
      const TempFolder folder;
      prepare(folder, stage);
      Job job(sample()->run(), folder.path(), stage);
      job.send(rank, SIGSTOP);
      std::this_thread::sleep_for(stopped);
      if (rank == 0) {
        const fs::path lock = folder / small_run_name / "lock";
        fs::last_write_time(lock, fs::file_time_type::clock::now() - std::chrono::minutes(2));
      }
      job.send(rank, SIGCONT);
      const Outcome outcome = job.process().wait(seconds(60));
      ASSERT_EQ(outcome.code, 0) << outcome;
      EXPECT_EQ(joined_lines(differences(folder / small_run_name, reference())), "");
    }
  }
}

TEST_F(LostRanks, AKilledRankEndsTheJob) {
  for (const Slowed& stage : stages) {
    SCOPED_TRACE(stage.name);
    const TempFolder folder;
    prepare(folder, stage);
    Job job(sample()->run(), folder.path(), stage);
    job.send(1, SIGKILL);
    const Outcome outcome = job.process().wait_without_rank(seconds(60));
    EXPECT_FALSE(outcome.timed_out) << outcome;
    EXPECT_NE(outcome.code, 0) << outcome;
    EXPECT_TRUE(job.others_end(none, seconds(30)));
    expect_goes_on(folder);
  }
}

// As a daemon of MPI that is killed: its ranks end by themselves. One that is stopped may not, unless the kernel ends
// it; the next job takes the run over from the dead rank 0, and the stopped one takes nothing from it when it goes on.
TEST_F(LostRanks, AKilledLauncherEndsTheRanks) {
  for (const Slowed& stage : stages) {
    const std::size_t stopped = stage.name == "mask" ? 2 : none;
    SCOPED_TRACE(stage.name);
    const TempFolder folder;
    prepare(folder, stage);
    Job job(sample()->run(), folder.path(), stage);
    if (stopped != none) job.send(stopped, SIGSTOP);
    job.process().send(SIGKILL);
    EXPECT_TRUE(job.others_end(stopped, seconds(30))) << "ranks live on without mpirun";
    expect_goes_on(folder);
    if (stopped == none) continue;
    job.send(stopped, SIGCONT);
    EXPECT_TRUE(job.others_end(none, seconds(30))) << "it lives on";
    // It may leave its unfinished file, which the next job clears away.
    expect_goes_on(folder);
  }
}

// It lives, however long it is silent, and the next job says which process that is.
TEST_F(LostRanks, AStoppedProcessKeepsTheRun) {
  const TempFolder folder;
  Process stopped(command_line(sample()->run()), folder.path());
  const fs::path lock = folder / small_run_name / "lock";
  while (stopped.running() && !fs::exists(lock)) std::this_thread::sleep_for(milliseconds(2));
  stopped.send(SIGSTOP);
  fs::last_write_time(lock, fs::file_time_type::clock::now() - std::chrono::minutes(2));
  const Outcome refused = run_program(sample()->run(), {.folder = folder.path(), .ranks = 2});
  EXPECT_EQ(refused.code, 1) << refused;
  EXPECT_NE(refused.err.find("process " + std::to_string(stopped.id())), std::string::npos) << refused;
  EXPECT_NE(refused.err.find("that process is alive"), std::string::npos) << refused;
  (void)stopped.kill();
  expect_goes_on(folder);
}

// Each call that waits for the disk takes long, on one rank and on all.
TEST_F(LostRanks, ADiskThatAnswersLateChangesNothing) {
  const Slowed late{"all",
                    {"descriptors", "clusters/", "masks/", "scores/", "report/", "checksums.tsv"},
                    "fsync:*:delay=40;write:*:delay=10:/run/;pwrite:*:delay=10:/run/;rename:*:delay=40:/run/"};
  for (const char* only : {"", "1"}) {
    SCOPED_TRACE(only);
    const TempFolder folder;
    prepare(folder, late);
    Launch launch{.folder = folder.path(), .ranks = ranks};
    launch.environment = {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT=" + late.plan};
    if (*only != '\0') launch.environment.push_back(std::string("DATUS_FAULT_RANK=") + only);
    const Outcome outcome = run_program(sample()->run(), launch);
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(joined_lines(differences(folder / small_run_name, reference())), "");
  }
}

}  // namespace lost_ranks_test
}  // namespace datus::test
