// SPDX-License-Identifier: Apache-2.0
#include "support/program.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

// What `datus preflight` says of good and of bad jobs: every problem in a line of its own, the exit code of the first,
// and no trace on the disk. Ranks of one machine become "nodes" by the name that Slurm gives them, with mounts of their
// own where they are to see other files.
namespace datus::test {
namespace preflight_test {

namespace fs = std::filesystem;

const std::string sample = source_path("tests/data/sample.yaml").string();

/// `datus preflight CONFIG --run RUN` for the sample.
Arguments preflight(const fs::path& run, const Arguments& more = {}) {
  Arguments arguments = {"preflight", sample, "--run", run.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// The lines that report something.
std::vector<std::string> report_of(const Outcome& outcome) {
  std::vector<std::string> lines;
  std::istringstream stream(outcome.err);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("preflight: ") || line.starts_with("datus: ")) lines.push_back(line);
  }
  return lines;
}

void expect_good(const Outcome& outcome, const std::string& summary) {
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(outcome.err, "") << outcome;
  EXPECT_TRUE(outcome.out.starts_with("preflight: ok: " + summary)) << outcome;
  EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 1) << outcome;
}

/// One line for each of `problems`, in this order, each with these parts.
void expect_problems(const Outcome& outcome, int code, const std::vector<std::vector<std::string>>& problems) {
  EXPECT_FALSE(outcome.timed_out) << outcome;
  EXPECT_EQ(outcome.code, code) << outcome;
  EXPECT_EQ(outcome.out.find("ok"), std::string::npos) << outcome;
  const auto lines = report_of(outcome);
  ASSERT_EQ(lines.size(), problems.size()) << outcome;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const auto& part : problems[i]) EXPECT_NE(lines[i].find(part), std::string::npos) << part << "\n" << lines[i];
  }
}

/// One "node" of a job.
struct Node {
  std::string name;
  int ranks = 1;
  std::string mounts = {};       ///< shell commands, in a namespace of mounts of its own
  Arguments arguments;           ///< of datus
  std::string variable = "A=1";  ///< of its environment
};

/// Whether this user may mount.
bool can_mount() {
  Process process({"unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"}, "/");
  return process.wait(std::chrono::seconds(10)).code == 0;
}

Outcome run_on_nodes(const std::vector<Node>& nodes, const fs::path& folder) {
  Arguments line = {mpirun_path()};
  for (const Node& node : nodes) {
    if (line.size() > 1) line.emplace_back(":");
    line.insert(line.end(), {"-n", std::to_string(node.ranks), "env", "SLURMD_NODENAME=" + node.name, node.variable});
    if (!node.mounts.empty()) {
      line.insert(line.end(), {"unshare", "--mount", "sh", "-ec", node.mounts + "; exec \"$@\"", "sh"});
    }
    line.push_back(program_path());
    line.insert(line.end(), node.arguments.begin(), node.arguments.end());
  }
  return Process(line, folder).wait(std::chrono::seconds(60));
}

std::string own_tmpfs(const fs::path& folder, const std::string& options = "size=100m") {
  return "mount -t tmpfs -o " + options + " none '" + folder.string() + "'";
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  return CPU_COUNT(&set);
}

std::string threads(int count) {
  return std::to_string(count) + (count == 1 ? " thread each" : " threads each");
}

TEST(Preflight, AGoodJob) {
  const TempFolder folder;
  const fs::path run = folder / "runs" / "new";
  expect_good(run_program(preflight(run)), "1 rank on 1 node, " + threads(usable_cores()));
  for (const int ranks : {1, 2, 3}) {
    const Launch launch = {.folder = folder.path(), .ranks = ranks, .mpirun = {"--bind-to", "none"}};
    const std::string count = std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks");
    expect_good(run_program(preflight(run, {"--ranks", std::to_string(ranks)}), launch),
                count + " on 1 node, " + threads(std::max(1, usable_cores() / ranks)) + ", ");
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Preflight, OnTwoNodes) {
  const TempFolder folder;
  const Arguments arguments = preflight(folder / "run", {"--ranks", "3"});
  const Outcome outcome = run_on_nodes(
      {{.name = "n1", .ranks = 2, .arguments = arguments}, {.name = "n2", .arguments = arguments}}, folder.path());
  expect_good(outcome, "3 ranks on 2 nodes, ");
  EXPECT_NE(outcome.out.find(" free in " + folder.path().string() + "\n"), std::string::npos) << outcome;
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

// Embeddings are tied to the hardware, and nothing else is; descriptors where they are not of stored embeddings.
TEST(Preflight, NodesOfTwoKinds) {
  const TempFolder folder;
  const auto check = [&](const Arguments& more) {
    const Arguments arguments = preflight(folder / "run", more);
    return run_on_nodes({{.name = "n1", .arguments = arguments},
                         {.name = "n2", .arguments = arguments, .variable = "ATEN_CPU_CAPABILITY=default"}},
                        folder.path());
  };
  const std::string crops = "descriptor.kind=masked_crop";
  const std::string keys = "descriptor.kind=mean_key";
  for (const Arguments& more : {Arguments{}, {"--stages", "segment+describe", "--set", crops}}) {
    expect_problems(check(more), 2, {{"preflight: n2: the backend of the model ", "n1", "run.mixed_hardware: true"}});
  }
  for (const char* stages : {"segment+describe", "cluster+mask+evaluate+report"}) {
    expect_good(check({"--stages", stages, "--set", keys}), "2 ranks on 2 nodes, ");
  }
  const Outcome unknown = run_program(preflight(folder / "run", {"--stages", "segment+cut"}));
  EXPECT_EQ(unknown.code, 2) << unknown;
  EXPECT_NE(unknown.err.find("cut is no stage"), std::string::npos) << unknown;
}

TEST(Preflight, WithoutAConfigurationOnlyWhatIsNamed) {
  const TempFolder folder;
  expect_good(run_program({"preflight", "--ranks", "1"}, {.folder = folder.path()}), "1 rank on 1 node, ");
  expect_problems(run_program({"preflight", "--weights", "missing.pth"}, {.folder = folder.path()}), 3,
                  {{(folder / "missing.pth").string()}});
  expect_problems(run_program({"preflight", "--set", "dataset.images=missing"}, {.folder = folder.path()}), 3,
                  {{(folder / "missing").string()}});
  write_bytes(folder / "file", "");
  expect_problems(run_program({"preflight", "--run", "file"}, {.folder = folder.path()}), 2,
                  {{(folder / "file").string()}});
  write_bytes(folder / "c.yaml", "run: {seed: 1}\n");
  expect_problems(run_program({"preflight", "c.yaml"}, {.folder = folder.path()}), 2, {{"dataset.images is missing"}});
}

TEST(Preflight, NothingOfARunIsTouched) {
  const TempFolder folder;
  const std::map<std::string, std::string> files = {
      {"config.yaml", "not looked at"}, {"lock", "held by another job"}, {"keys/.000001.h5.tmp-9-9", "unfinished"}};
  std::map<std::string, fs::file_time_type> times;
  for (const auto& [name, bytes] : files) {
    write_bytes(folder / name, bytes);
    times[name] = fs::last_write_time(folder / name);
  }
  expect_good(run_program(preflight(folder.path()), {.ranks = 2, .mpirun = {"--bind-to", "none"}}), "2 ranks");
  EXPECT_EQ(files_below(folder.path()).size(), files.size());
  for (const auto& [name, bytes] : files) {
    EXPECT_EQ(bytes_of(folder / name), bytes);
    EXPECT_EQ(fs::last_write_time(folder / name), times[name]) << name;
  }
}

TEST(Preflight, WrongNumberOfRanks) {
  const TempFolder folder;
  expect_problems(run_program(preflight(folder.path(), {"--ranks", "4"}), {.ranks = 3}), 2,
                  {{"3 ranks started", "4 were asked for"}});
  expect_problems(run_program(preflight(folder.path(), {"--ranks", "2"})), 2, {{"1 rank started"}});
  EXPECT_EQ(run_program(preflight(folder.path(), {"--ranks", "0"})).code, 2);
}

TEST(Preflight, AWrongConfigurationIsTheUsualError) {
  for (const int ranks : {0, 3}) {
    const Launch launch = {.ranks = ranks, .limit = std::chrono::seconds(30)};
    expect_problems(run_program({"preflight", "missing.yaml"}, launch), 2, {{"datus: error: ", "missing.yaml"}});
    expect_problems(run_program({"preflight", sample, "--set", "model.device=gpu"}, launch), 2,
                    {{"datus: error: ", "model.device", "cpu"}});
  }
}

/// The model's device alone says nothing of k-means'.
TEST(Preflight, GpusThatSlurmGaveAndNoStageCanUse) {
  const TempFolder folder;
  const Launch launch = {.environment = {"SLURM_JOB_ID=7", "SLURM_STEP_GPUS=0,1", "CUDA_VISIBLE_DEVICES="}};
  const auto check = [&](const Arguments& settings) {
    Arguments more;
    for (const auto& setting : settings) more.insert(more.end(), {"--set", setting});
    return run_program(preflight(folder.path(), more), launch);
  };
  const auto expect_idle = [&](const Arguments& settings, const std::string& what_to_do) {
    expect_problems(check(settings), 2,
                    {{"The job was given GPUs (SLURM_STEP_GPUS=0,1), and none can be used", "or set " + what_to_do}});
  };
  expect_idle({}, "model.device: cpu and cluster.device: cpu to leave them idle");
  expect_idle({"run.mixed_hardware=true"}, "model.device: cpu and cluster.device: cpu to leave them idle");
  expect_idle({"model.device=cpu"}, "cluster.device: cpu to leave them idle");
  expect_idle({"cluster.device=cpu"}, "model.device: cpu to leave them idle");
  expect_good(check({"model.device=cpu", "cluster.device=cpu"}), "1 rank");
  // A run of its own says so as early: not after the work of the stages before k-means.
  const Outcome run =
      run_program({"run", sample, "--run", (folder / "run").string(), "--set", "model.device=cpu"}, launch);
  EXPECT_EQ(run.code, 2) << run;
  EXPECT_NE(run.err.find("or set cluster.device: cpu to leave them idle"), std::string::npos) << run;
  EXPECT_FALSE(fs::exists(folder / "run" / "keys" / "000000.h5")) << run;
}

TEST(Preflight, EveryProblemInOneLineAndTheCodeOfTheFirst) {
  const TempFolder folder;
  write_bytes(folder / "file", "text");
  const Arguments problems = {"--set", "descriptor.kind=masked_crop",       "--set", "model.weights=/missing/w.pth",
                              "--set", "descriptor.weights=/missing/v.pth", "--set", "dataset.images=/missing/images"};
  const std::vector<std::vector<std::string>> expected = {
      {"preflight: ", "/missing/w.pth"},
      {"preflight: ", "/missing/v.pth"},
      {"preflight: ", "/missing/images"},
      {"preflight: ", (folder / "file").string() + " is no folder"}};
  for (const int ranks : {0, 3}) {
    const Outcome outcome = run_program(preflight(folder / "file" / "run", problems), {.ranks = ranks});
    expect_problems(outcome, 3, expected);
  }
  Arguments more = problems;
  more.insert(more.end(), {"--ranks", "9"});
  expect_problems(run_program(preflight(folder / "run", more), {.ranks = 2}), 2,
                  {{"9 were asked for"}, expected[0], expected[1], expected[2]});
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"file"});
}

TEST(Preflight, TruthThatIsMissing) {
  const TempFolder folder;
  expect_problems(run_program(preflight(folder.path(), {"--set", "dataset.truth=" + folder.path().string()})), 3,
                  {{"preflight: ", folder.path().string()}});
}

TEST(Preflight, ThreadsFollowTheEnvironment) {
  const TempFolder folder;
  const auto with = [&](const Arguments& environment) {
    return run_program(preflight(folder.path()), {.environment = environment});
  };
  expect_good(with({"OMP_NUM_THREADS=1"}), "1 rank on 1 node, 1 thread each");
  expect_good(with({"SLURM_CPUS_PER_TASK=1", "SLURM_STEP_ID=0"}), "1 rank on 1 node, 1 thread each");
  expect_good(with({"SLURM_CPUS_PER_TASK=1"}), "1 rank on 1 node, " + threads(usable_cores()));

  const Outcome crowded = with({"SLURM_CPUS_PER_TASK=4000", "SLURM_STEP_ID=0", "SLURMD_NODENAME=n7"});
  EXPECT_EQ(crowded.code, 0) << crowded;
  EXPECT_TRUE(crowded.out.starts_with("preflight: ok: ")) << crowded;
  ASSERT_EQ(report_of(crowded).size(), 1U) << crowded;
  EXPECT_TRUE(report_of(crowded)[0].starts_with("preflight: n7: warning: ")) << crowded;
}

TEST(Preflight, NodesWithOtherArguments) {
  const TempFolder folder;
  const Outcome outcome =
      run_on_nodes({{.name = "n1", .arguments = preflight(folder / "run", {"--set", "cluster.k=27"})},
                    {.name = "n2", .ranks = 2, .arguments = preflight(folder / "run", {"--set", "cluster.k=31"})}},
                   folder.path());
  expect_problems(outcome, 2, {{"preflight: n2: ", "configuration", "27", "31", "n1"}});
}

// Below, nodes have files of their own.
class PreflightOnNodes : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_mount()) GTEST_SKIP() << "mounting is not allowed here";
    fs::create_directories(shared());
    fs::create_directories(local());
  }
  [[nodiscard]] fs::path shared() const { return folder_ / "shared"; }
  [[nodiscard]] fs::path local() const { return folder_ / "local"; }

  /// A job whose second node, of two ranks, makes these mounts first.
  [[nodiscard]] Outcome run(const Arguments& arguments, const std::string& mounts_of_n2) const {
    return run_on_nodes({{.name = "n1", .arguments = arguments},
                         {.name = "n2", .ranks = 2, .mounts = mounts_of_n2, .arguments = arguments}},
                        folder_.path());
  }

 private:
  TempFolder folder_;
};

TEST_F(PreflightOnNodes, ARunDirectoryThatIsNotShared) {
  expect_problems(run(preflight(local() / "run"), own_tmpfs(local())), 1,
                  {{"preflight: n2: ", "not the folder that n1 has", local().string(), "--run"}});
  EXPECT_TRUE(fs::is_empty(local()));
}

TEST_F(PreflightOnNodes, ARunDirectoryThatOneNodeCannotWriteTo) {
  const std::string read_only = "mount --bind '" + shared().string() + "' '" + shared().string() +
                                "'; mount -o remount,ro,bind '" + shared().string() + "'";
  expect_problems(run(preflight(shared() / "run"), read_only), 1,
                  {{"preflight: n2: ", shared().string(), "Read-only file system"}});
  EXPECT_TRUE(fs::is_empty(shared()));
}

TEST_F(PreflightOnNodes, ARunDirectoryThatNoNodeCanWriteTo) {
  const Arguments arguments = preflight(local() / "run");
  const std::string read_only = own_tmpfs(local(), "ro");
  const Outcome outcome = run_on_nodes({{.name = "n1", .mounts = read_only, .arguments = arguments},
                                        {.name = "n2", .mounts = read_only, .arguments = arguments}},
                                       shared());
  expect_problems(outcome, 1, {{"preflight: n1: ", "Read-only file system"}, {"preflight: n2: ", "Read-only"}});
}

TEST_F(PreflightOnNodes, TooLittleRoom) {
  const Arguments arguments = preflight(local() / "run");
  const Outcome outcome =
      run_on_nodes({{.name = "n1", .mounts = own_tmpfs(local(), "size=1m"), .arguments = arguments}}, shared());
  expect_problems(outcome, 1, {{"preflight: n1: ", "too little room", local().string(), "1.00 MiB are free"}});
  const Outcome full = run_on_nodes({{.name = "n1",
                                      .mounts = own_tmpfs(local(), "size=1m") + "; cat /dev/zero > '" +
                                                (local() / "x").string() + "' 2>/dev/null || :",
                                      .arguments = arguments}},
                                    shared());
  expect_problems(full, 1, {{"preflight: n1: ", "too little room", "0 bytes are free"}});
}

TEST_F(PreflightOnNodes, OtherWeights) {
  const fs::path weights = local() / "w.pth";
  write_bytes(weights, "the weights of n1");
  const Arguments arguments = preflight(shared() / "run", {"--set", "model.weights=" + weights.string()});
  const std::string content = own_tmpfs(local()) + "; printf 'others' > '" + weights.string() + "'";
  expect_problems(run(arguments, content), 2,
                  {{"preflight: n2: the weights ", "n1", "hash ", " against hash ", weights.string()}});
  expect_problems(run(arguments, own_tmpfs(local())), 3,
                  {{"preflight: n2: cannot read the weights file " + weights.string()}});
  expect_good(run(arguments, own_tmpfs(local()) + "; printf 'the weights of n1' > '" + weights.string() + "'"),
              "3 ranks on 2 nodes");
}

TEST_F(PreflightOnNodes, OtherImages) {
  for (const char* name : {"a.jpg", "b.jpg"}) write_bytes(local() / name, "a picture");
  const Arguments arguments = preflight(
      shared() / "run",
      {"--set", "dataset.kind=folder", "--set", "dataset.images=" + local().string(), "--set", "dataset.truth=null"});
  const std::string one_less = own_tmpfs(local()) + "; echo x > '" + (local() / "a.jpg").string() + "'";
  expect_problems(run(arguments, one_less), 2,
                  {{"preflight: n2: the images ", "1 images", "2 images", local().string()}});
  expect_problems(run(arguments, own_tmpfs(local())), 3, {{"preflight: n2: ", local().string()}});
}

TEST_F(PreflightOnNodes, OtherPrograms) {
  const fs::path copy = local() / "datus";
  fs::copy_file(program_path(), copy);
  write_bytes(local() / "changed", bytes_of(copy) + " ");
  const Arguments arguments = preflight(shared() / "run");
  Arguments line = {mpirun_path(), "-n", "1", "env", "SLURMD_NODENAME=n1", copy.string()};
  line.insert(line.end(), arguments.begin(), arguments.end());
  line.insert(line.end(), {":", "-n", "1", "env", "SLURMD_NODENAME=n2", "unshare", "--mount", "sh", "-ec",
                           "chmod +x changed; mount --bind changed datus; exec \"$@\"", "sh", copy.string()});
  line.insert(line.end(), arguments.begin(), arguments.end());
  expect_problems(Process(line, local()).wait(std::chrono::seconds(60)), 2,
                  {{"preflight: n2: the program ", "n1", copy.string()}});
}

TEST(Preflight, GpusThatTheJobWasGivenAreNotLeftIdle) {
  if (run_program({"version"}).out.find("GPUs      none") == std::string::npos) GTEST_SKIP() << "there are GPUs to use";
  const TempFolder folder;
  const Arguments given = {"SLURM_JOB_ID=7", "SLURM_STEP_GPUS=0,1"};
  const std::vector<std::string> what = {"The job was given GPUs (SLURM_STEP_GPUS=0,1), and none can be used",
                                         "set model.device: cpu"};
  const Launch two_ranks{.ranks = 2, .environment = given};
  expect_problems(run_program(preflight(folder.path() / "run"), two_ranks), 2, {what});
  expect_problems(run_program(preflight(folder.path() / "run", {"--set", "run.mixed_hardware=true"}), two_ranks), 2,
                  {what});
  const Outcome run = run_program({"run", sample, "--run", (folder.path() / "run").string()}, two_ranks);
  EXPECT_EQ(run.code, 2) << run;
  for (const std::string& part : what) EXPECT_NE(run.err.find(part), std::string::npos) << run;
  EXPECT_FALSE(fs::exists(folder.path() / "run" / "config.yaml")) << run;
  // Any of the two may have a use for them.
  for (const char* one : {"model.device=cpu", "cluster.device=cpu"}) {
    const Outcome outcome = run_program(preflight(folder.path() / "run", {"--set", one}), two_ranks);
    EXPECT_EQ(outcome.code, 2) << one << outcome;
  }
  const Outcome wanted = run_program(
      preflight(folder.path() / "run", {"--set", "model.device=cpu", "--set", "cluster.device=cpu"}), two_ranks);
  EXPECT_EQ(wanted.code, 0) << wanted;
}

TEST(Preflight, AGpuIsAskedForWhereAStageUsesIt) {
  if (run_program({"version"}).out.find("GPUs      none") == std::string::npos) GTEST_SKIP() << "there are GPUs to use";
  const TempFolder folder;
  const auto code_of = [&](const std::string& stages, const std::string& device) {
    return run_program(preflight(folder / "run",
                                 {"--stages", stages, "--set", device + "=cuda", "--set", "descriptor.kind=mean_key"}))
        .code;
  };
  EXPECT_NE(code_of("extract", "model.device"), 0);
  // Graphs of the sample are made on the CPU, and descriptors of stored embeddings need no model.
  EXPECT_EQ(code_of("segment+describe+cluster+mask+report", "model.device"), 0);
  EXPECT_NE(code_of("cluster", "cluster.device"), 0);
  // Smoothing uses one that is there, and asks for none.
  const Outcome smoothing =
      run_program(preflight(folder / "run", {"--stages", "describe+mask", "--set", "preset=best", "--set",
                                             "descriptor.kind=mean_key", "--set", "model.device=cuda"}));
  EXPECT_EQ(smoothing.code, 0) << smoothing;
}

}  // namespace preflight_test
}  // namespace datus::test
