// SPDX-License-Identifier: Apache-2.0
#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/temp_folder.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

// A job that is stopped for longer than its lock lives loses the run to another one; when it goes on, it takes nothing
// from that one. Each job is in a PID namespace of its own, so that both have the same PIDs, as in two containers.
// DATUS_TAKEOVERS=200 for that many instants.
namespace datus::test {
namespace takeover_test {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

const std::string run_name = "run";

/// In a namespace of PIDs of its own, whose /proc it sees. MPI names its shared memory by PIDs, so that has a place
/// of its own too.
Arguments in_own_space(const Arguments& command) {
  Arguments arguments = {"unshare",
                         "--pid",
                         "--fork",
                         "--mount-proc",
                         "--kill-child",
                         "sh",
                         "-c",
                         R"(mount -t tmpfs none /dev/shm && mkdir -p "$TMPDIR" && exec "$@")",
                         "sh"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

Arguments job(int ranks) {
  return in_own_space(command_line({"run", source_path("tests/sample.yaml").string(), "--run", run_name, "--set",
                                    "dataset.shard_size=1", "--set", "model.input_size=224"},
                                   {.ranks = ranks}));
}

/// All processes below this one, as /proc tells.
std::vector<pid_t> descendants(pid_t root) {
  std::vector<pid_t> found = {root};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(found[i]) + "/task")) {
      std::ifstream children(thread.path() / "children");
      for (pid_t child = 0; children >> child;) found.push_back(child);
    }
  }
  return found;
}

/// MPI's files, which are named by PIDs too.
Arguments own_files(const TempFolder& folder, const std::string& name) {
  return {"TMPDIR=" + (folder / ("mpi-" + name)).string()};
}

void send_to_all(Process& process, int signal) {
  if (!process.running()) return;
  for (const pid_t one : descendants(process.id())) ::kill(one, signal);
}

class Takeover : public testing::Test {
 protected:
  void SetUp() override {
    const TempFolder folder;
    if (Process(in_own_space({"true"}), folder.path(), own_files(folder, "true")).wait(seconds(10)).code != 0) {
      GTEST_SKIP() << "needs the right to make PID namespaces";
    }
    const auto began = steady_clock::now();
    const Outcome outcome = Process(job(0), folder.path(), own_files(folder, "reference")).wait(seconds(120));
    ASSERT_EQ(outcome.code, 0) << outcome;
    duration_ = std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
    reference_ = results_of(folder / run_name);
  }

  /// An instant of a job of that many ranks.
  milliseconds any_instant() { return duration_ * std::uniform_int_distribution(0, 1200)(random_) / 1000; }
  int any_ranks() { return std::uniform_int_distribution(0, 3)(random_); }

  void take_over() {
    const TempFolder folder;
    const fs::path lock = folder / run_name / "lock";
    Process first(job(any_ranks()), folder.path(), own_files(folder, "first"));
    std::this_thread::sleep_for(any_instant());
    send_to_all(first, SIGSTOP);
    const std::string its_lock = fs::exists(lock) ? bytes_of(lock) : "";
    // As if it were stopped for two minutes.
    std::error_code gone;
    fs::last_write_time(lock, fs::file_time_type::clock::now() - std::chrono::minutes(2), gone);

    Process second(job(any_ranks()), folder.path(), own_files(folder, "second"));
    while (second.running() && (!fs::exists(lock) || bytes_of(lock) == its_lock)) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    std::this_thread::sleep_for(any_instant());
    send_to_all(first, SIGCONT);
    const Outcome rightful = second.wait(seconds(120));
    const Outcome other = first.wait(seconds(120));
    ASSERT_EQ(rightful.code, 0) << rightful << "\nthe other one:\n" << other;
    EXPECT_EQ(joined_lines(differences(folder / run_name, reference_)), "") << other;
    EXPECT_EQ(nlohmann::json::parse(bytes_of(folder / run_name / "state.json")).at("state"), "done");
    for (const std::string& name : files_below(folder / run_name)) {
      EXPECT_FALSE(name.starts_with("claims/") || name == "lock") << name;
    }
  }

  std::minstd_rand random_{1};
  milliseconds duration_{};
  Contents reference_;
};

TEST_F(Takeover, TheJobThatLostTakesNothing) {
  const char* const wanted = std::getenv("DATUS_TAKEOVERS");
  const int takeovers = wanted != nullptr ? std::atoi(wanted) : 5;
  for (int i = 0; i < takeovers && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("takeover " + std::to_string(i));
    take_over();
  }
}

}  // namespace takeover_test
}  // namespace datus::test
