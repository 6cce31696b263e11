// SPDX-License-Identifier: Apache-2.0
#include "cli/plans.hpp"
#include "cli/suite_folder.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// What `datus plan` says before a run of the sample, and what the run then does. It must not leave a trace.
namespace datus::test {
namespace plan_test {

namespace fs = std::filesystem;

const std::string run_name = "run";
const std::vector<std::string> stages = {"extract", "segment", "describe", "cluster", "mask"};

/// What stands behind the first word of a line.
std::map<std::string, std::string> lines_of(const std::string& text) {
  std::map<std::string, std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name >> std::ws;
    std::getline(words, lines[name]);
  }
  return lines;
}

void expect_line(const std::string& text, const std::string& stage, const std::string& part) {
  const std::string line = lines_of(text)[stage];
  EXPECT_NE(line.find(part), std::string::npos) << part << "\nis not in the line of " << stage << ":\n" << text;
}

/// The three numbers of a line of the table of bytes: in the end, there now, to write.
std::vector<double> bytes_in(const std::string& text, const std::string& part) {
  std::istringstream words(lines_of(text)[part]);
  const std::map<std::string, double> units = {
      {"bytes", 1}, {"KiB", 1024}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}};
  std::vector<double> numbers;
  double value = 0;
  for (std::string unit; words >> value >> unit;) numbers.push_back(value * units.at(unit));
  EXPECT_EQ(numbers.size(), 3U) << part << "\n" << text;
  numbers.resize(3);
  return numbers;
}

double bytes_below(const fs::path& folder) {
  double bytes = 0;
  for (const auto& name : files_below(folder)) bytes += static_cast<double>(fs::file_size(folder / name));
  return bytes;
}

class Plan : public SuiteFolder<Plan> {
 protected:
  /// A finished run of the sample that each test gets a copy of, and the plan that was made before it.
  static void SetUpTestSuite() {
    plan_before() = plan(suite_folder().path());
    const Outcome outcome = run_program(of_sample("run"), {.folder = suite_folder().path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
  }

  static std::string& plan_before() {
    static std::string text;
    return text;
  }

  void SetUp() override { fs::copy(suite_folder() / run_name, folder_ / run_name, fs::copy_options::recursive); }

  [[nodiscard]] const fs::path& folder() const { return folder_.path(); }
  [[nodiscard]] fs::path run() const { return folder_ / run_name; }

 private:
  TempFolder folder_;
};

TEST_F(Plan, OfANewRunHasEverythingToDoAndMakesNothing) {
  const TempFolder empty;
  const std::string text = plan(empty.path());
  EXPECT_TRUE(fs::is_empty(empty.path()));
  for (const char* stage : {"extract", "segment", "describe"})
    EXPECT_EQ(lines_of(text)[stage], "4 of 4 shards") << text;
  EXPECT_EQ(lines_of(text)["cluster"], "K = 6, 10") << text;
  EXPECT_EQ(lines_of(text)["mask"], "K = 6: 4 of 4 shards, K = 10: 4 of 4 shards") << text;
  EXPECT_NE(text.find("it fits"), std::string::npos) << text;
}

TEST_F(Plan, OfAFinishedRunHasNothingToDo) {
  const std::string text = plan(folder());
  for (const auto& stage : stages) EXPECT_EQ(lines_of(text)[stage], "up to date") << text;
  EXPECT_NE(text.find("everything is up to date"), std::string::npos) << text;
  const auto total = bytes_in(text, "total");
  EXPECT_EQ(total[2], 0);
  EXPECT_NEAR(total[1], bytes_below(run()), 0.01 * bytes_below(run()));
}

TEST_F(Plan, ForetellsTheBytes) {
  const auto keys = bytes_in(plan_before(), "keys");
  EXPECT_NEAR(keys[2], bytes_below(run() / "keys"), 0.01 * bytes_below(run() / "keys")) << plan_before();
  double rest = bytes_below(run());
  for (const char* part : {"keys", "segments", "descriptors", "clusters", "masks"}) {
    rest -= bytes_below(run() / part);
    if (part == std::string("keys")) continue;
    const auto estimate = bytes_in(plan_before(), part);
    EXPECT_EQ(estimate[1], 0) << part;
    EXPECT_GE(estimate[2], bytes_below(run() / part)) << part;
    EXPECT_LE(estimate[2], 10 * bytes_below(run() / part)) << part;
  }
  const auto other = bytes_in(plan_before(), "other");
  EXPECT_GE(other[2], rest);
  EXPECT_LE(other[2], 10 * rest);
}

TEST_F(Plan, AChangedSettingReachesTheStagesAfterIt) {
  const Arguments change = {"--set", "segment.min_patches=3"};
  const std::string text = plan(folder(), change);
  EXPECT_EQ(lines_of(text)["extract"], "up to date") << text;
  expect_line(text, "segment", "4 of 4 shards (segment.min_patches: 2 became 3)");
  expect_line(text, "describe", "4 of 4 shards (the stage before it changed)");
  expect_line(text, "cluster", "K = 6, 10 (the stage before it changed)");
  expect_line(text, "mask", "K = 6: 4 of 4 shards, K = 10: 4 of 4 shards (");
  EXPECT_EQ(text.find("everything is up to date"), std::string::npos) << text;

  const Snapshot before = snapshot_of(run());
  const Outcome outcome = run_program(of_sample("run", change), {.folder = folder()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const Snapshot after = snapshot_of(run());
  for (const auto& [name, file] : before) {
    const bool is_kept = name.starts_with("keys/");
    const bool is_redone = name.starts_with("segments/") || name.starts_with("descriptors/") ||
                           name.ends_with("assignment.h5") || name.starts_with("masks/k");
    ASSERT_TRUE(after.contains(name)) << name;
    if (!is_kept && !is_redone) continue;
    EXPECT_EQ(after.at(name).second != file.second, is_redone) << name;
  }
  EXPECT_NE(plan(folder(), change).find("everything is up to date"), std::string::npos);
}

TEST_F(Plan, AnotherKIsDoneAlone) {
  const std::string text = plan(folder(), {"--set", "cluster.k=[6,8,10]"});
  for (const char* stage : {"extract", "segment", "describe"}) EXPECT_EQ(lines_of(text)[stage], "up to date") << text;
  EXPECT_EQ(lines_of(text)["cluster"], "K = 8") << text;
  EXPECT_EQ(lines_of(text)["mask"], "K = 8: 4 of 4 shards") << text;
}

TEST_F(Plan, ADeletedAndADamagedShardAreMadeAgain) {
  fs::remove(run() / "descriptors/000002.h5");
  std::string keys = bytes_of(run() / "keys/000001.h5");
  keys[keys.size() / 2] = static_cast<char>(keys[keys.size() / 2] ^ 1);
  write_bytes(run() / "keys/000001.h5", keys);
  fs::remove(run() / "masks/k010/d_r_47_.png");
  const std::string text = plan(folder());
  expect_line(text, "extract", "1 of 4 shards (");
  expect_line(text, "extract", "keys/000001.h5");
  EXPECT_EQ(lines_of(text)["segment"], "up to date") << text;
  EXPECT_EQ(lines_of(text)["describe"], "1 of 4 shards") << text;
  EXPECT_EQ(lines_of(text)["cluster"], "up to date") << text;
  expect_line(text, "mask", "K = 10: 1 of 4 shards (");

  const Snapshot before = snapshot_of(run());
  ASSERT_EQ(run_program(of_sample("run"), {.folder = folder()}).code, 0);
  const Snapshot after = snapshot_of(run());
  for (const auto& [name, file] : before) {
    if (!name.ends_with(".h5") || name == "images.h5" || name.find('/') == std::string::npos) continue;
    EXPECT_EQ(after.at(name).second != file.second, name == "keys/000001.h5") << name;
  }
  EXPECT_TRUE(after.contains("descriptors/000002.h5"));
  EXPECT_NE(plan(folder()).find("everything is up to date"), std::string::npos);
}

TEST_F(Plan, IsTheSameOnAnyNumberOfRanks) {
  const TempFolder empty;
  fs::remove(run() / "keys/000003.h5");
  write_bytes(run() / "segments/000000.h5", "damaged");
  const auto without_free = [](std::string text) {  // which changes with all that others do
    return text.erase(text.rfind(", "));
  };
  EXPECT_EQ(without_free(plan(folder(), {}, 3)), without_free(plan(folder())));
  EXPECT_EQ(without_free(plan(empty.path(), {}, 3)), without_free(plan(empty.path())));
}

TEST_F(Plan, IsWhatADryRunPrints) {
  const Snapshot before = snapshot_of(run());
  const Outcome dry = run_program(of_sample("run", {"--dry-run"}), {.folder = folder()});
  EXPECT_EQ(dry.code, 0) << dry;
  EXPECT_NE(dry.out.find("everything is up to date"), std::string::npos) << dry;
  EXPECT_TRUE(snapshot_of(run()) == before);
}

TEST_F(Plan, WithoutStoredKeys) {
  const TempFolder empty;
  const std::string text = plan(empty.path(), {"--set", "storage.embeddings=none"});
  expect_line(text, "extract", "nothing stored");
  EXPECT_EQ(bytes_in(text, "keys")[0], 0);
}

TEST_F(Plan, WithoutWeightsIsAnError) {
  const TempFolder empty;
  const Outcome none = run_program(of_sample("plan", {"--set", "model.weights=null"}), {.folder = empty.path()});
  EXPECT_EQ(none.code, 2) << none;
  EXPECT_NE(none.err.find("model.weights"), std::string::npos) << none;
  write_bytes(empty / "w.pth", "these are no weights");
  const Outcome broken = run_program(of_sample("plan", {"--set", "model.weights=w.pth"}), {.folder = empty.path()});
  EXPECT_EQ(broken.code, 3) << broken;
  EXPECT_NE(broken.err.find("w.pth"), std::string::npos) << broken;
  EXPECT_FALSE(fs::exists(empty / run_name));
}

}  // namespace plan_test
}  // namespace datus::test
