// SPDX-License-Identifier: Apache-2.0
#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/temp_folder.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

// A run is asked to stop, refused, killed, looked at; the same command goes on, and the result is that of an
// undisturbed run. One image per shard, so that there is something to do after the first one.
namespace datus::test {
namespace interruption_test {

namespace fs = std::filesystem;
using std::chrono::seconds;

const std::string run_name = "run";

class Interruption : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TempFolder folder;
    const Outcome outcome = run_program(command(), {.folder = folder.path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    reference() = results_of(folder / run_name);
  }
  static void TearDownTestSuite() { reference().clear(); }

  static Arguments command(const Arguments& more = {}) {
    Arguments all = {"run",   source_path("tests/sample.yaml").string(),
                     "--run", run_name,
                     "--set", "dataset.shard_size=1",
                     "--set", "model.input_size=224"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  static Contents& reference() {
    static Contents files;
    return files;
  }
  [[nodiscard]] fs::path run() const { return folder_ / run_name; }
  [[nodiscard]] const fs::path& folder() const { return folder_.path(); }

  /// Lets the job work until a file is there.
  static void wait_for(const fs::path& file, Process& process) {
    while (process.running() && !fs::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_TRUE(process.running()) << "it ended before " << file << "\n" << process.wait(seconds(1));
  }

  [[nodiscard]] nlohmann::json state() const {
    std::ifstream file(run() / "state.json");
    return nlohmann::json::parse(file);
  }

  void expect_interrupted(const Outcome& outcome) const {
    ASSERT_EQ(outcome.code, 75) << outcome;
    EXPECT_NE(outcome.err.find("again: it goes on"), std::string::npos) << outcome;
    EXPECT_EQ(state().at("state"), "interrupted");
    EXPECT_FALSE(fs::exists(run() / "lock"));
    EXPECT_FALSE(fs::exists(run() / "scores" / "k006.json")) << "it was too late to interrupt anything";
  }

  /// The same command on other ranks, to its end.
  void expect_finishes(int ranks) const {
    const Outcome outcome = run_program(command(), {.folder = folder(), .ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(joined_lines(differences(run(), reference())), "");
    EXPECT_EQ(state().at("state"), "done");
  }

  /// The events of all ranks of all jobs, in no order among them.
  [[nodiscard]] std::vector<nlohmann::json> events() const {
    std::vector<nlohmann::json> all;
    for (const auto& name : files_below(run())) {
      if (!name.starts_with("log/")) continue;
      std::ifstream file(run() / name);
      for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
    }
    return all;
  }
  [[nodiscard]] int count(const std::string& event) const {
    int number = 0;
    for (const auto& one : events()) number += one.at("event") == event ? 1 : 0;
    return number;
  }

 private:
  TempFolder folder_;
};

TEST_F(Interruption, TermStopsARunInOneProcess) {
  Process process(command_line(command()), folder());
  wait_for(run() / "keys" / "000000.h5", process);
  process.send(SIGTERM);
  process.send(SIGTERM);  // batch systems repeat themselves
  expect_interrupted(process.wait(seconds(60)));
  EXPECT_EQ(count("abandoned"), 0) << "30 s are enough for one image";
  expect_finishes(2);
}

// mpirun passes SIGUSR1 on to its ranks.
TEST_F(Interruption, Usr1StopsARunOnThreeRanks) {
  Process process(command_line(command(), {.ranks = 3}), folder());
  wait_for(run() / "keys" / "000000.h5", process);
  process.send(SIGUSR1);
  expect_interrupted(process.wait(seconds(60)));
  expect_finishes(1);
}

TEST_F(Interruption, ASignalToOneRankStopsAll) {
  Process process(command_line(command(), {.ranks = 2}), folder());
  wait_for(run() / "keys" / "000000.h5", process);
  const auto ranks = process.children();
  ASSERT_EQ(ranks.size(), 2U);
  ASSERT_EQ(::kill(ranks[1], SIGUSR1), 0);
  expect_interrupted(process.wait(seconds(60)));
  expect_finishes(3);
}

// Eight images in one shard, one per batch: without grace the open shard is given up after a batch.
TEST_F(Interruption, WithoutGraceTheOpenShardIsGivenUp) {
  const Arguments slow = {"--set", "dataset.shard_size=8", "--set", "model.batch_size=1"};
  for (const std::string grace : {"0", "60"}) {
    Arguments more = slow;
    more.insert(more.end(), {"--set", "run.grace=" + grace});
    const int started_before = count("shard_start");
    Process process(command_line(command(more)), folder());
    while (process.running() && count("shard_start") == started_before) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    process.send(SIGUSR1);
    expect_interrupted(process.wait(seconds(120)));
    EXPECT_EQ(fs::exists(run() / "keys" / "000000.h5"), grace == "60");
    EXPECT_EQ(count("abandoned"), 1) << "by the first job";
  }
}

TEST_F(Interruption, DuringClusteringAndMasks) {
  const Arguments long_clustering = {"--set", "cluster.restarts=200", "--set", "cluster.checkpoint_every=1"};
  Process process(command_line(command(long_clustering), {.ranks = 2}), folder());
  wait_for(run() / "clusters" / "checkpoint.h5", process);
  process.send(SIGUSR1);
  const Outcome stopped = process.wait(seconds(60));
  expect_interrupted(stopped);
  const auto started = count("shard");
  expect_finishes(3);
  EXPECT_EQ(count("shard") - started, 2 * 8) << "masks for two values of K, and nothing before them again";
  // As of a job that ended right before it removed it, or as a power cut brings it back.
  write_bytes(run() / "clusters" / "checkpoint.h5", "of clusters that are written");
  expect_finishes(1);
}

TEST_F(Interruption, ASecondJobIsRefusedAndTheFirstGoesOn) {
  Process first(command_line(command(), {.ranks = 2}), folder());
  wait_for(run() / "keys" / "000000.h5", first);
  const Outcome second = run_program(command(), {.folder = folder(), .ranks = 2});
  EXPECT_EQ(second.code, 1) << second;
  EXPECT_NE(second.err.find(run_name), std::string::npos) << second;
  const Outcome outcome = first.wait(seconds(60));
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(joined_lines(differences(run(), reference())), "");
}

// Nothing of a killed job stands in the way of the next one, not even for a minute.
TEST_F(Interruption, AKilledJobLeavesNoLockBehind) {
  Process process(command_line(command(), {.ranks = 2}), folder());
  wait_for(run() / "keys" / "000000.h5", process);
  for (const pid_t rank : process.children()) (void)::kill(rank, SIGKILL);
  (void)process.wait(seconds(60));
  EXPECT_TRUE(fs::exists(run() / "lock"));
  EXPECT_EQ(state().at("state"), "running");
  const auto start = std::chrono::steady_clock::now();
  expect_finishes(4);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(50));
}

// A job that the batch system started again takes over from the old one, whose ranks may live on for a while; these
// stop at their next file.
TEST_F(Interruption, ARestartTakesOverFromItsEarlierSelf) {
  Process old(command_line(command()), folder(), {"SLURM_JOB_ID=4711", "SLURM_RESTART_COUNT=0"});
  wait_for(run() / "keys" / "000000.h5", old);
  Process restarted(command_line(command()), folder(), {"SLURM_JOB_ID=4711", "SLURM_RESTART_COUNT=1"});
  const Outcome outcome = restarted.wait(seconds(120));
  ASSERT_EQ(outcome.code, 0) << outcome;
  const Outcome left = old.wait(seconds(60));
  EXPECT_EQ(left.code, 1) << left;
  EXPECT_NE(left.err.find("4711"), std::string::npos) << left;
  EXPECT_EQ(joined_lines(differences(run(), reference())), "");
}

TEST_F(Interruption, TheLogTellsWhatEachRankDid) {
  const Outcome outcome = run_program(command(), {.folder = folder(), .ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(count("job_start"), 2);
  EXPECT_EQ(count("job_end"), 2);
  std::map<std::string, int> shards;
  std::map<std::string, std::int64_t> bytes;
  for (const auto& event : events()) {
    EXPECT_TRUE(event.contains("time"));
    if (event.at("event") == "shard") ++shards[event.at("stage")];
    if (event.at("event") == "written") bytes[event.at("stage")] += event.at("bytes").get<std::int64_t>();
  }
  EXPECT_EQ(shards, (std::map<std::string, int>{{"extract", 8}, {"segment", 8}, {"describe", 8}, {"mask", 16}}));
  std::map<std::string, std::int64_t> on_disk;
  for (const auto& [stage, folder_name] :
       {std::pair("extract", "keys"), {"segment", "segments"}, {"describe", "descriptors"}}) {
    for (const auto& name : files_below(run() / folder_name)) {
      if (name == "mean.h5") continue;  // of no shard
      on_disk[stage] += static_cast<std::int64_t>(fs::file_size(run() / folder_name / name));
    }
  }
  EXPECT_EQ(bytes, on_disk);
  std::ifstream file(run() / "summary.json");
  const auto summary = nlohmann::json::parse(file);
  EXPECT_EQ(summary.at("images"), 8);
}

}  // namespace interruption_test
}  // namespace datus::test
