// SPDX-License-Identifier: Apache-2.0
#include "cli/plans.hpp"
#include "cli/suite_folder.hpp"
#include "support/errors.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

// `datus plan --calibrate` and `datus plan --nodes` on the sample. Nothing here depends on how long anything takes.
namespace datus::test {
namespace plan_cost_test {

namespace fs = std::filesystem;

const std::string run_name = "run";
const std::string calibration_name = "run.calibration.json";
const std::vector<std::string> stages = {"start",   "extract", "segment",  "describe",
                                         "cluster", "mask",    "evaluate", "report"};

Outcome calibrate(const fs::path& folder, int ranks = 0, const Arguments& more = {}) {
  Arguments arguments = {"--calibrate", "--seconds", "0.2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program(of_sample("plan", arguments), {.folder = folder, .ranks = ranks});
}

/// The part of a plan from the table by stages on.
std::string cost_of(const std::string& text) {
  const auto begin = text.find("\nexpected on ");
  EXPECT_NE(begin, std::string::npos) << text;
  return begin == std::string::npos ? text : text.substr(begin + 1);
}

/// What follows the name of a stage in the table.
std::string line_of(const std::string& cost, const std::string& stage) {
  std::istringstream lines(cost);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  " + stage + " ")) return line;
  }
  ADD_FAILURE() << "no line for " << stage << " in\n" << cost;
  return {};
}

class PlanCost : public SuiteFolder<PlanCost> {
 protected:
  /// A calibration of the sample by one rank.
  static void SetUpTestSuite() {
    const Outcome outcome = calibrate(suite_folder().path());
    ASSERT_EQ(outcome.code, 0) << outcome;
  }
  void SetUp() override { fs::copy_file(suite_folder() / calibration_name, folder_ / calibration_name); }
  [[nodiscard]] const fs::path& folder() const { return folder_.path(); }

 private:
  TempFolder folder_;
};

void expect_complete(const fs::path& file, int ranks) {
  const auto calibration = nlohmann::json::parse(bytes_of(file));
  EXPECT_EQ(calibration.at("ranks"), ranks);
  EXPECT_EQ(calibration.at("ranks_per_node"), ranks);
  EXPECT_NE(calibration.at("backend"), "");
  EXPECT_EQ(calibration.at("listed_images"), 8);
  EXPECT_GE(calibration.at("measured_images"), ranks);
  EXPECT_EQ(calibration.at("grid_rows"), 28);
  EXPECT_EQ(calibration.at("grid_cols"), 28);
  EXPECT_EQ(calibration.at("embedding_width"), 192);
  for (const auto& [name, value] : calibration.items()) {
    EXPECT_TRUE(!value.is_number_float() || value > 0) << name;
  }
  // Measured with the sample's own settings: 73 segments in 8 images.
  EXPECT_GT(calibration.at("segments_per_image"), 2);
  EXPECT_LT(calibration.at("segments_per_image"), 40);
  // Broad sanity: what an image may take on a busy machine.
  EXPECT_LT(calibration.at("extract_thread_seconds_per_image"), 60);
  EXPECT_LT(calibration.at("shard_memory_bytes"), 8e9);
}

TEST_F(PlanCost, CalibrationIsCompleteAndAllThatIsWritten) {
  expect_complete(folder() / calibration_name, 1);
  EXPECT_EQ(files_below(suite_folder().path()), std::vector<std::string>{calibration_name});
  for (const int ranks : {1, 2}) {
    const TempFolder empty;
    const Outcome outcome = calibrate(empty.path(), ranks);
    ASSERT_EQ(outcome.code, 0) << outcome;
    expect_complete(empty / calibration_name, ranks);
    EXPECT_EQ(files_below(empty.path()), std::vector<std::string>{calibration_name});
    EXPECT_EQ(std::distance(fs::directory_iterator(empty.path()), {}), 1) << "a folder is left";
    expect_part(outcome.out, "run.calibration.json: measured ");
    expect_part(outcome.out, ranks == 1 ? " of 8 images in " : " on 2 ranks (2 per node) with ");
  }
}

TEST_F(PlanCost, CalibrationLeavesARunAlone) {
  ASSERT_EQ(run_program(of_sample("run"), {.folder = folder()}).code, 0);
  const Snapshot before = snapshot_of(folder() / run_name);
  const Outcome outcome = calibrate(folder(), 2, {"--calibration", "elsewhere/c.json"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_TRUE(snapshot_of(folder() / run_name) == before);
  expect_complete(folder() / "elsewhere/c.json", 2);
  for (const auto& entry : fs::directory_iterator(folder())) {
    EXPECT_TRUE(entry.path().filename() == run_name || entry.path().filename() == calibration_name ||
                entry.path().filename() == "elsewhere")
        << entry.path();
  }
}

TEST_F(PlanCost, CalibrationThatFailsLeavesNothing) {
  const TempFolder empty;
  const fs::path images = empty / "images";
  write_bytes(images / "a.jpg", "this is no image");
  const Snapshot before = snapshot_of(empty.path());
  for (const int ranks : {1, 2}) {
    const Outcome outcome = calibrate(
        empty.path(), ranks,
        {"--set", "dataset.kind=folder", "--set", "dataset.images=" + images.string(), "--set", "dataset.truth=null"});
    EXPECT_EQ(outcome.code, 3) << outcome;
    expect_part(outcome.err, "nothing to measure with");
    EXPECT_TRUE(snapshot_of(empty.path()) == before);
    EXPECT_EQ(std::distance(fs::directory_iterator(empty.path()), {}), 1);
  }
}

TEST_F(PlanCost, AStoppedCalibrationLeavesNothing) {
  const TempFolder empty;
  const Arguments arguments = of_sample("plan", {"--calibrate", "--seconds", "600"});
  Process process = start_program(arguments, {.folder = empty.path()});
  // Once there is something to clean up.
  while (process.running() && fs::is_empty(empty.path())) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  process.send(SIGUSR1);
  const Outcome outcome = process.wait(std::chrono::seconds(60));
  EXPECT_EQ(outcome.code, 75) << outcome;
  EXPECT_TRUE(fs::is_empty(empty.path()));
}

TEST_F(PlanCost, OtherKindsOfDescriptors) {
  for (const char* kind : {"masked_crop", "masked_cls", "mean_key"}) {
    const TempFolder empty;
    const Arguments setting = {"--set", std::string("descriptor.kind=") + kind};
    ASSERT_EQ(calibrate(empty.path(), 0, setting).code, 0) << kind;
    const auto calibration = nlohmann::json::parse(bytes_of(empty / calibration_name));
    EXPECT_GT(calibration.at("describe_thread_seconds_per_image"), 0) << kind;
    Arguments request = {"--nodes", "1"};
    request.insert(request.end(), setting.begin(), setting.end());
    expect_part(plan(empty.path(), request), "\n  total ");
  }
}

TEST_F(PlanCost, MoreClustersThanASampleHasSegments) {
  const TempFolder empty;
  const Arguments setting = {"--set", "cluster.k=[1000]"};
  ASSERT_EQ(calibrate(empty.path(), 0, setting).code, 0);
  expect_part(plan(empty.path(), {"--nodes", "1", "--set", "cluster.k=[1000]", "--images", "10000"}), "K = 1000");
}

TEST_F(PlanCost, HasARowForEachStage) {
  const std::string text = plan(folder(), {"--nodes", "3", "--ranks-per-node", "2", "--cpus-per-rank", "4"});
  const std::string before = plan(folder(), {});
  // What stands before it is the plan as ever, but for the free space, which changes with all that others do.
  EXPECT_EQ(text.substr(0, text.find("  it fits")), before.substr(0, before.find("  it fits")));
  const std::string cost = cost_of(text);
  expect_part(cost, "expected on 3 nodes with 2 ranks of 4 threads:");
  for (const auto& stage : stages) EXPECT_FALSE(line_of(cost, stage).empty());
  expect_part(line_of(cost, "extract"), "8 images in 4 shards, at most 1 per rank");
  expect_part(line_of(cost, "cluster"), "K = 6, 10, 5 restarts");
  expect_part(line_of(cost, "mask"), "16 masks");
  expect_part(line_of(cost, "report"), "40 pictures of 8 images");
  expect_part(cost, "  sbatch --nodes=3 --ntasks-per-node=2 --cpus-per-task=4 --mem=");
  expect_part(cost, "slurm/datus.sbatch " + source_path("tests/data/sample.yaml").string() + " --run run\n");
  expect_part(cost, "cluster_options=\"--nodes=3 ");
}

TEST_F(PlanCost, IsTheSameOnAnyNumberOfRanks) {
  const Arguments request = {"--nodes", "2", "--images", "1000"};
  EXPECT_EQ(cost_of(plan(folder(), request, 3)), cost_of(plan(folder(), request)));
}

TEST_F(PlanCost, ProposesNoMoreNodesThanShards) {
  const std::string text = plan(folder(), {"--nodes", "9"});
  expect_part(text, "planned for 4 nodes, not 9: there are no more than 4 shards to share (dataset.shard_size: 2)\n");
  expect_part(cost_of(text), "  sbatch --nodes=4 ");
  EXPECT_EQ(text.find("--nodes=9"), std::string::npos) << text;
  expect_part(plan(folder(), {"--nodes", "9", "--images", "100"}), "  sbatch --nodes=9 ");
}

TEST_F(PlanCost, AsIfThereWereMoreImages) {
  const std::string text = plan(folder(), {"--nodes", "1", "--images", "1001", "--segments", "12345"});
  expect_part(text, "as if it were a new run of 1001 images with 12345 segments; listed are 8 images");
  expect_part(text, "1001 images in 501 shards");
  expect_part(text, "  extract   501 of 501 shards");
  expect_part(line_of(cost_of(text), "describe"), "1001 images in 501 shards");
  expect_part(line_of(cost_of(text), "cluster"), "12345 segments");
  // 28 x 28 patches of 192 values of two bytes, 1001 times: 301,056 bytes each, 287.4 MiB; HDF5 adds a little.
  expect_part(line_of(cost_of(text), "extract"), " 289 MiB ");
  expect_part(text, "  keys             289 MiB");
}

TEST_F(PlanCost, CountsWhatIsLeftOfARun) {
  ASSERT_EQ(run_program(of_sample("run"), {.folder = folder()}).code, 0);
  std::string cost = cost_of(plan(folder(), {"--nodes", "1"}));
  for (const char* stage : {"extract", "segment", "describe", "cluster", "mask"}) {
    expect_part(line_of(cost, stage), "nothing to do");
  }
  expect_part(line_of(cost, "evaluate"), "8 images");
  fs::remove(folder() / run_name / "descriptors/000002.h5");
  fs::remove(folder() / run_name / "clusters/k006/assignment.h5");
  cost = cost_of(plan(folder(), {"--nodes", "1"}));
  expect_part(line_of(cost, "segment"), "nothing to do");
  expect_part(line_of(cost, "describe"), "2 images in 1 shard");
  expect_part(line_of(cost, "cluster"), "K = 6, 5 restarts");
  expect_part(line_of(cost, "mask"), "nothing to do");
}

TEST_F(PlanCost, GpusAndAnAssumedRate) {
  const std::string cost =
      cost_of(plan(folder(), {"--nodes", "2", "--gpus-per-node", "4", "--forward-rate", "1000", "--images", "5000"}));
  expect_part(cost, "expected on 2 nodes with 4 GPUs, one rank for each of ");
  expect_part(cost, "1000 images/s and rank, ASSUMED (--forward-rate)");
  expect_part(cost, "--ntasks-per-node=4 --gpus-per-node=4");
  expect_part(cost, "   node-hours    GPU-hours ");
  expect_part(cost, "memory of a GPU: COMPUTED, NOT MEASURED");
  expect_part(cost_of(plan(folder(), {"--nodes", "2", "--gpus-per-node", "4"})), "THE SPEED OF THE GPUs IS NOT KNOWN");
}

TEST_F(PlanCost, WithoutStoredKeysThereIsNoChain) {
  const std::string cost = cost_of(plan(folder(), {"--nodes", "1", "--set", "storage.embeddings=none"}));
  expect_part(line_of(cost, "extract"), "8 images in 4 shards");
  expect_part(cost, "no chain of jobs");
}

TEST_F(PlanCost, ACalibrationOfSomethingElseIsRefusedByField) {
  const auto refused = [&](const Arguments& setting, const std::string& part) {
    Arguments request = {"--nodes", "1"};
    request.insert(request.end(), setting.begin(), setting.end());
    const Outcome outcome = run_program(of_sample("plan", request), {.folder = folder()});
    EXPECT_EQ(outcome.code, 3) << outcome;
    expect_part(outcome.err, part);
    expect_part(outcome.err, "datus plan CONFIG --calibrate");
  };
  refused({"--set", "model.input_size=224"},
          calibration_name + " is the calibration of something else (model.input_size: 448 became 224");
  refused({"--set", "descriptor.kind=masked_crop"}, "descriptor.kind: mean_token became masked_crop");
  refused({"--calibration", "none.json"}, "none.json");
  // The same model with one other number in it.
  std::string weights = bytes_of(source_path("data/weights/demo_vit_tiny_patch16.safetensors"));
  weights.back() = static_cast<char>(weights.back() ^ 1);
  write_bytes(folder() / "other.safetensors", weights);
  refused({"--set", "model.weights=other.safetensors"}, "other weights");
  // What the cost is computed from may differ.
  (void)plan(folder(), {"--nodes", "1", "--set", "cluster.k=[5]", "--set", "dataset.shard_size=3"});
}

TEST_F(PlanCost, MissingCalibrationIsAnErrorOnce) {
  const TempFolder empty;
  for (const int ranks : {0, 2}) {
    const Outcome outcome = run_program(of_sample("plan", {"--nodes", "1"}), {.folder = empty.path(), .ranks = ranks});
    EXPECT_EQ(outcome.code, 3) << outcome;
    expect_part(outcome.err, "There is no calibration run.calibration.json");
    EXPECT_EQ(outcome.err.find("no calibration"), outcome.err.rfind("no calibration")) << outcome;
  }
  EXPECT_TRUE(fs::is_empty(empty.path()));
}

TEST_F(PlanCost, OptionsThatDoNotFitAreRefused) {
  const std::vector<Arguments> wrong = {{"--images", "5"},
                                        {"--forward-rate", "5"},
                                        {"--seconds", "5"},
                                        {"--calibration", calibration_name},
                                        {"--nodes", "0"},
                                        {"--nodes", "1", "--images", "0"},
                                        {"--nodes", "1", "--segments", "-3"},
                                        {"--nodes", "1", "--forward-rate", "0"},
                                        {"--nodes", "1", "--forward-rate", "nan"},
                                        {"--nodes", "1", "--cpus-per-rank", "0"},
                                        {"--nodes", "1", "--calibrate"},
                                        {"--nodes", "1", "--gpus-per-node", "2", "--ranks-per-node", "2"}};
  for (const Arguments& options : wrong) {
    const Outcome outcome = run_program(of_sample("plan", options), {.folder = folder()});
    EXPECT_EQ(outcome.code, 2) << options.at(0) << " " << options.at(1) << "\n" << outcome;
  }
}

}  // namespace plan_cost_test
}  // namespace datus::test
