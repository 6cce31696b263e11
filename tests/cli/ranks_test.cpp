// SPDX-License-Identifier: Apache-2.0
#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/temp_folder.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

// The files of a run do not depend on the number of ranks, nor on a process that was killed on the way. Each run of the
// sample has a folder of its own and the same relative name in it, so that no path makes a difference either.
namespace datus::test {
namespace ranks_test {

namespace fs = std::filesystem;

const std::string run_name = "run";
constexpr std::array shard_names = {"000000.h5", "000001.h5", "000002.h5", "000003.h5"};

Arguments run_sample() {
  return {"run", source_path("tests/sample.yaml").string(), "--run", run_name, "--set", "model.input_size=224"};
}

/// Reports each file that is made in a folder, also those that are gone again.
class FolderWatch {
 public:
  explicit FolderWatch(const fs::path& folder) : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (descriptor_ < 0 || ::inotify_add_watch(descriptor_, folder.c_str(), IN_CREATE) < 0) {
      throw std::runtime_error("cannot watch " + folder.string());
    }
  }
  ~FolderWatch() { (void)::close(descriptor_); }
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;
  FolderWatch(FolderWatch&&) = delete;
  FolderWatch& operator=(FolderWatch&&) = delete;

  [[nodiscard]] std::vector<std::string> created() const {
    std::vector<std::string> names;
    alignas(inotify_event) std::array<char, 16384> buffer{};
    for (ssize_t size = 0; (size = ::read(descriptor_, buffer.data(), buffer.size())) > 0;) {
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        names.emplace_back(buffer.data() + at + sizeof event);
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
    return names;
  }

 private:
  int descriptor_;
};

class Ranks : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TempFolder folder;
    const Outcome outcome = run_program(run_sample(), {.folder = folder.path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    reference() = results_of(folder / run_name);
  }
  static void TearDownTestSuite() { reference().clear(); }

  /// The files of the undisturbed run in one process.
  static Contents& reference() {
    static Contents files;
    return files;
  }

  static void expect_same_run(int ranks, const Arguments& mpirun = {}) {
    const TempFolder folder;
    const Outcome outcome = run_program(run_sample(), {.folder = folder.path(), .ranks = ranks, .mpirun = mpirun});
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_NE(outcome.out.find(std::to_string(ranks) + " rank"), std::string::npos) << outcome;
    EXPECT_EQ(joined_lines(differences(folder / run_name, reference())), "");
  }
};

TEST_F(Ranks, TheSampleHasFourShardsInEveryStage) {
  for (const char* stage : {"keys", "segments", "descriptors"}) {
    std::size_t count = 0;
    for (const auto& [name, bytes] : reference()) count += name.starts_with(std::string(stage) + "/0") ? 1 : 0;
    EXPECT_EQ(count, shard_names.size()) << stage;
    for (const char* shard : shard_names) EXPECT_TRUE(reference().contains(std::string(stage) + "/" + shard));
  }
  for (const char* name : {"masks/k006/d_r_47_.png", "masks/k010/w_r_147_.png", "scores/k006.json", "scores/k010.json",
                           "report/index.html", "report/pictures/000007.js", "config.yaml", "images.h5"}) {
    EXPECT_TRUE(reference().contains(name)) << name;
  }
}

TEST_F(Ranks, OneUnderMpirun) {
  expect_same_run(1);
}
TEST_F(Ranks, ThreeOverTcp) {
  expect_same_run(3, {"--mca", "btl", "tcp,self"});
}
TEST_F(Ranks, AsManyAsShards) {
  expect_same_run(4);
}
TEST_F(Ranks, MoreThanImages) {
  expect_same_run(11);
}

// The name of a temporary file ends with the process that writes it.
TEST_F(Ranks, TwoShareTheShards) {
  const TempFolder folder;
  fs::create_directories(folder / run_name / "keys");
  const FolderWatch watch(folder / run_name / "keys");
  const Outcome outcome = run_program(run_sample(), {.folder = folder.path(), .ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(joined_lines(differences(folder / run_name, reference())), "");

  std::map<std::string, std::vector<std::string>> writers;  // of each shard
  std::set<std::string> processes;
  for (const auto& name : watch.created()) {
    const auto tag = name.find(".tmp-");
    if (tag == std::string::npos || name.starts_with(".mean.h5")) continue;
    const std::string process = name.substr(name.rfind('-') + 1);
    writers[name.substr(1, tag - 1)].push_back(process);
    processes.insert(process);
  }
  EXPECT_EQ(processes.size(), 2U);
  EXPECT_EQ(writers.size(), shard_names.size());
  for (const auto& [shard, by] : writers) EXPECT_EQ(by.size(), 1U) << shard << " was made more than once";
}

// What a killed process leaves: files under a temporary name, claims of shards that nobody works on. They are planted
// as well, because chance decides on the instant of the kill.
TEST_F(Ranks, AKilledRunIsFinishedByThree) {
  const TempFolder folder;
  const fs::path run = folder / run_name;
  Process process(command_line(run_sample()), folder.path());
  while (process.running() && !fs::exists(run / "keys" / shard_names[1])) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const Outcome killed = process.kill();
  ASSERT_EQ(killed.code, 128 + SIGKILL) << killed;
  ASSERT_FALSE(fs::exists(run / "descriptors" / shard_names[3])) << "it was killed too late to leave any work";
  write_bytes(run / "keys" / ".000002.h5.tmp--1", "half of a file");
  write_bytes(run / "claims" / "extract+segment+describe" / "2", "");

  const auto first_keys = fs::last_write_time(run / "keys" / shard_names[0]);
  const Outcome outcome = run_program(run_sample(), {.folder = folder.path(), .ranks = 3});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(fs::last_write_time(run / "keys" / shard_names[0]), first_keys) << "a finished shard was made again";
  EXPECT_EQ(joined_lines(differences(run, reference())), "");
}

}  // namespace ranks_test
}  // namespace datus::test
