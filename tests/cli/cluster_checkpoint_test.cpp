// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "cli/suite_folder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

// `datus cluster` is killed or asked to stop, and started again with another number of ranks: the result is, byte for
// byte, that of an undisturbed run, and nothing else is left.
namespace datus::test {
namespace cluster_checkpoint_test {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::int64_t row_count = 40000;
constexpr int dim = 64;

/// Overlapping blobs: k-means takes many iterations.
std::vector<float> blobs() {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> centres(std::size_t{30} * dim);
  for (float& value : centres) value = normal(generator);
  std::vector<float> values;
  for (std::int64_t i = 0; i < row_count; ++i) {
    const float* centre = centres.data() + (generator() % 30) * dim;
    for (int d = 0; d < dim; ++d) values.push_back(centre[d] + 1.5F * normal(generator));
  }
  return values;
}

class ClusterCheckpoint : public SuiteFolder<ClusterCheckpoint> {
 protected:
  static void SetUpTestSuite() {
    write_hdf5(suite_folder() / "rows.h5", [](Hdf5Writer& writer) {
      writer.write<float>("descriptor", blobs(), {row_count, dim});
    });
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome = run_program(arguments(suite_folder() / "undisturbed.h5"));
    ASSERT_EQ(outcome.code, 0) << outcome;
    duration_ = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  }

  /// Two values of K, two restarts, a checkpoint after each pass. Ends by the limit, so that there is much to lose.
  static Arguments arguments(const fs::path& out) {
    Arguments all = {"cluster", "--descriptors", (suite_folder() / "rows.h5").string(), "--k", "9,31",
                     "--out",   out.string()};
    for (const char* setting :
         {"cluster.tolerance=0", "cluster.max_iterations=40", "cluster.restarts=2", "cluster.checkpoint_every=1"}) {
      all.insert(all.end(), {"--set", setting});
    }
    return all;
  }
  [[nodiscard]] fs::path out() const { return folder_ / "out.h5"; }
  [[nodiscard]] fs::path checkpoint() const { return folder_ / "out.h5.checkpoint"; }
  /// On `ranks` (0: without mpirun) in `groups`: 4 pairs are there to share.
  [[nodiscard]] Arguments command(int ranks, int groups = 1) const {
    Arguments all = arguments(out());
    all.insert(all.end(), {"--set", "cluster.groups=" + std::to_string(groups)});
    return command_line(all, {.ranks = ranks});
  }
  static milliseconds duration() { return duration_; }

  /// The result is that of the undisturbed run, and the folder holds nothing besides.
  void expect_undisturbed() const {
    EXPECT_TRUE(bytes_of(out()) == bytes_of(suite_folder() / "undisturbed.h5"));
    for (const auto& entry : fs::directory_iterator(folder_.path())) EXPECT_EQ(entry.path(), out());
  }
  /// Lets a process work until it has saved something.
  void wait_for_checkpoint(Process& process) const {
    while (process.running() && !fs::exists(checkpoint())) std::this_thread::sleep_for(milliseconds(1));
    ASSERT_TRUE(process.running()) << process.wait(std::chrono::seconds(1));
  }

 private:
  static milliseconds duration_;
  TempFolder folder_;
};
milliseconds ClusterCheckpoint::duration_{};

TEST_F(ClusterCheckpoint, KilledAtAnyInstantOnAnyNumberOfRanksAndGroups) {
  std::mt19937 generator(11);
  int kills = 0;
  for (int attempt = 0; attempt < 8 && !fs::exists(out()); ++attempt) {
    const auto way = static_cast<std::size_t>(attempt % 5);
    Process process(command(std::vector{0, 3, 1, 2, 4}[way], std::vector{1, 3, 1, 2, 1}[way]), "/");
    wait_for_checkpoint(process);
    std::this_thread::sleep_for(duration() * (generator() % 100) / 400);
    const std::vector<pid_t> ranks = process.children();
    // Of a job one rank, whereupon mpirun ends the others.
    if (process.running()) ++kills;
    if (ranks.empty()) {
      (void)process.kill();
    } else {
      (void)::kill(ranks.back(), SIGKILL);
    }
    const Outcome outcome = process.wait_without_rank(std::chrono::seconds(120));
    ASSERT_FALSE(outcome.timed_out) << outcome;
  }
  EXPECT_GE(kills, 3);
  const Outcome outcome = run_program(arguments(out()), {.ranks = 3});
  ASSERT_EQ(outcome.code, 0) << outcome;
  expect_undisturbed();
}

TEST_F(ClusterCheckpoint, AskedToStopItSavesAndSaysSo) {
  for (const int signal : {SIGTERM, SIGUSR1}) {
    Process process(command(0), "/");
    wait_for_checkpoint(process);
    process.send(signal);
    const Outcome stopped = process.wait(std::chrono::seconds(60));
    ASSERT_EQ(stopped.code, 75) << stopped;
    EXPECT_NE(stopped.err.find("goes on from its checkpoint"), std::string::npos) << stopped;
    ASSERT_TRUE(fs::exists(checkpoint()));
    const Outcome outcome = run_program(arguments(out()), {.ranks = 2});
    ASSERT_EQ(outcome.code, 0) << outcome;
    expect_undisturbed();
    fs::remove(out());
  }
}

// By default those are left out that would take too much of the time: the last one is not.
TEST_F(ClusterCheckpoint, AskedToStopItSavesByDefaultToo) {
  Arguments all = arguments(out());
  all.insert(all.end(), {"--set", "cluster.checkpoint_every=auto", "--set", "cluster.restarts=40"});
  Process process(command_line(all, {}), "/");
  wait_for_checkpoint(process);
  const auto first = fs::last_write_time(checkpoint());
  process.send(SIGTERM);
  const Outcome stopped = process.wait(std::chrono::seconds(60));
  ASSERT_EQ(stopped.code, 75) << stopped;
  EXPECT_GT(fs::last_write_time(checkpoint()), first);
}

// mpirun passes SIGUSR1 on to all ranks, and ends with their exit code.
TEST_F(ClusterCheckpoint, AskedToStopOnThreeRanks) {
  for (const int groups : {1, 2}) {
    Process process(command(3, groups), "/");
    wait_for_checkpoint(process);
    process.send(SIGUSR1);
    const Outcome stopped = process.wait(std::chrono::seconds(60));
    ASSERT_EQ(stopped.code, 75) << stopped;
    EXPECT_NE(stopped.err.find("goes on from its checkpoint"), std::string::npos) << stopped;
    const Outcome outcome = run_program(arguments(out()));
    ASSERT_EQ(outcome.code, 0) << outcome;
    expect_undisturbed();
    fs::remove(out());
  }
}

TEST_F(ClusterCheckpoint, OneThatDoesNotFitIsLeftAside) {
  const auto interrupt = [&](const Arguments& with) {
    Process process(command_line(with), "/");
    wait_for_checkpoint(process);
    process.send(SIGTERM);
    const Outcome stopped = process.wait(std::chrono::seconds(60));
    ASSERT_EQ(stopped.code, 75) << stopped;
  };
  const auto expect_anew = [&](const std::string& why) {
    const Outcome outcome = run_program(arguments(out()));
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_NE(outcome.err.find("starts anew"), std::string::npos) << outcome;
    EXPECT_NE(outcome.err.find(why), std::string::npos) << outcome;
    expect_undisturbed();
    fs::remove(out());
  };
  Arguments other_seed = arguments(out());
  other_seed.insert(other_seed.end(), {"--set", "run.seed=5"});
  interrupt(other_seed);
  expect_anew("other settings");

  interrupt(arguments(out()));
  std::string bytes = bytes_of(checkpoint());
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  write_bytes(checkpoint(), bytes);
  expect_anew(checkpoint().string());

  interrupt(arguments(out()));
  write_bytes(checkpoint(), bytes_of(checkpoint()).substr(0, 3000));
  expect_anew(checkpoint().string());
}

}  // namespace cluster_checkpoint_test
}  // namespace datus::test
