// SPDX-License-Identifier: Apache-2.0
#include "cli/suite_folder.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

// A run stage by stage, with changed settings, and applied to images: on half of the sample at a small input size.
namespace datus::test {
namespace stages_test {

namespace fs = std::filesystem;

const std::string run_name = "run";
const std::vector<std::string> stages = {"extract", "segment", "describe", "cluster", "mask", "evaluate"};

/// Copies photos of the sample and their masks to FOLDER/images and FOLDER/masks.
void copy_sample(const fs::path& folder, const std::vector<std::string>& stems) {
  for (const auto& [part, extension] : {std::pair("images", ".jpg"), std::pair("masks", ".bmp")}) {
    fs::create_directories(folder / part);
    for (const auto& stem : stems) {
      fs::copy_file(source_path("data/suim8") / part / (stem + extension), folder / part / (stem + extension));
    }
  }
}

using Contents = std::map<std::string, std::string>;

/// Files of one folder of a run.
Contents contents_of(const fs::path& run, const std::string& part) {
  Contents contents;
  for (const auto& name : files_below(run / part)) contents[name] = bytes_of(run / part / name);
  return contents;
}

/// Which file it is, rather than what is in it: a file that was made again has another number.
std::map<std::string, std::pair<ino_t, fs::file_time_type>> identities_of(const fs::path& folder) {
  std::map<std::string, std::pair<ino_t, fs::file_time_type>> identities;
  for (const auto& name : files_below(folder)) {
    struct stat status {};
    if (::stat((folder / name).c_str(), &status) != 0) throw std::runtime_error("cannot stat " + name);
    identities[name] = {status.st_ino, fs::last_write_time(folder / name)};
  }
  return identities;
}

nlohmann::json json_in(const fs::path& path) {
  return nlohmann::json::parse(bytes_of(path));
}

class Stages : public SuiteFolder<Stages> {
 protected:
  static void SetUpTestSuite() {
    copy_sample(suite_folder().path(), {"d_r_47_", "f_r_329_", "n_l_12_", "w_r_147_"});
    const Outcome outcome = run_program(small_run("run"), {.folder = suite_folder().path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
  }
  /// `datus COMMAND CONFIG --run run` on four photos in four shards, with `more` settings.
  static Arguments small_run(const std::string& command, const Arguments& more = {}) {
    Arguments arguments = {command, source_path("tests/sample.yaml").string(), "--run", run_name};
    for (const std::string& setting :
         {"dataset.images=" + images(), "dataset.truth=" + masks(), std::string("dataset.shard_size=1"),
          std::string("model.input_size=160"), std::string("cluster.k=[3,4]")}) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static std::string images() { return (suite_folder() / "images").string(); }
  static std::string masks() { return (suite_folder() / "masks").string(); }

  /// The finished run; tests do not change it.
  static fs::path reference() { return suite_folder() / run_name; }

  /// A copy of it that a test may change.
  static void copy_reference(const TempFolder& to) {
    fs::copy(reference(), to / run_name, fs::copy_options::recursive);
  }

  static void expect_parts_equal(const fs::path& run, const std::vector<std::string>& parts) {
    for (const auto& part : parts) {
      EXPECT_FALSE(files_below(reference() / part).empty()) << part;
      EXPECT_TRUE(contents_of(run, part) == contents_of(reference(), part)) << part << " differs";
    }
  }
};

TEST_F(Stages, OneByOneTheyMakeTheFilesOfRun) {
  const TempFolder other;
  for (const auto& stage : stages) {
    const Outcome outcome = run_program(small_run(stage), {.folder = other.path()});
    ASSERT_EQ(outcome.code, 0) << stage << ": " << outcome;
  }
  expect_parts_equal(other / run_name, {"keys", "segments", "descriptors", "clusters", "masks", "scores"});
  EXPECT_EQ(bytes_of(other / run_name / "config.yaml"), bytes_of(reference() / "config.yaml"));
  EXPECT_EQ(bytes_of(other / run_name / "images.h5"), bytes_of(reference() / "images.h5"));
}

TEST_F(Stages, OnlyEmbeddingsAreTiedToTheMachine) {
  const TempFolder other;
  copy_reference(other);
  const fs::path run = other / run_name;
  fs::remove(run / "keys" / "000001.h5");
  fs::remove(run / "descriptors" / "000001.h5");
  // LibTorch then says that the machine has no vector instructions, which makes it another backend.
  const Launch elsewhere = {.folder = other.path(), .environment = {"ATEN_CPU_CAPABILITY=default"}};
  for (const char* stage : {"extract", "run"}) {
    const Outcome outcome = run_program(small_run(stage), elsewhere);
    EXPECT_EQ(outcome.code, 3) << stage << ": " << outcome;
    EXPECT_NE(outcome.err.find("another backend"), std::string::npos) << outcome;
  }
  const Outcome plan = run_program(small_run("plan"), elsewhere);
  EXPECT_EQ(plan.code, 0) << plan;
  EXPECT_NE(plan.err.find("another backend"), std::string::npos) << plan;
  // Descriptors are made of stored embeddings, on any machine, but not without them.
  const Outcome without = run_program(small_run("describe"), elsewhere);
  EXPECT_EQ(without.code, 3) << without;
  EXPECT_NE(without.err.find("keys/000001.h5 is missing"), std::string::npos) << without;
  ASSERT_EQ(run_program(small_run("extract"), {.folder = other.path()}).code, 0);
  const Outcome described = run_program(small_run("describe"), elsewhere);
  EXPECT_EQ(described.code, 0) << described;
  expect_parts_equal(run, {"keys", "descriptors"});
  for (const char* part : {"segments", "clusters", "masks", "scores", "report"}) fs::remove_all(run / part);
  for (const char* stage : {"segment", "cluster", "mask", "evaluate", "report"}) {
    const Outcome outcome = run_program(small_run(stage), elsewhere);
    EXPECT_EQ(outcome.code, 0) << stage << ": " << outcome;
  }
  expect_parts_equal(run, {"segments", "descriptors", "clusters", "masks", "scores", "report"});
  EXPECT_EQ(bytes_of(run / "config.yaml"), bytes_of(reference() / "config.yaml"));
}

// What needs no model does without LibTorch, which takes half a second on each rank.
TEST_F(Stages, StoredEmbeddingsNeedNoModel) {
  const TempFolder other;
  copy_reference(other);
  fs::remove_all(other / run_name / "segments");
  fs::remove_all(other / run_name / "descriptors");
  const std::string program = (other / "datus").string();
  fs::copy_file(program_path(), program);
  write_bytes(other / "libdatus_transformer.so", "no library");
  const auto run_without = [&](const std::string& stage) {
    Arguments line = small_run(stage);
    line.insert(line.begin(), program);
    return Process(line, other.path()).wait(std::chrono::seconds(120));
  };
  for (const char* stage : {"segment", "describe"}) {
    const Outcome outcome = run_without(stage);
    EXPECT_EQ(outcome.code, 0) << stage << ": " << outcome;
  }
  expect_parts_equal(other / run_name, {"keys", "segments", "descriptors"});
  EXPECT_EQ(bytes_of(other / run_name / "config.yaml"), bytes_of(reference() / "config.yaml"));
  EXPECT_EQ(run_without("extract").code, 1);
}

TEST_F(Stages, AStageWithoutTheOneBeforeItSaysWhichToRun) {
  const std::map<std::string, std::string> before = {
      {"segment", "extract"}, {"describe", "extract"}, {"cluster", "describe"}, {"mask", "cluster"}};
  for (const auto& [stage, missing] : before) {
    const TempFolder other;
    const Outcome outcome = run_program(small_run(stage), {.folder = other.path()});
    EXPECT_EQ(outcome.code, 3) << stage << ": " << outcome;
    EXPECT_NE(outcome.err.find(missing), std::string::npos) << stage << ": " << outcome;
  }
}

TEST_F(Stages, WhatIsUpToDateIsLeftAlone) {
  const TempFolder other;
  copy_reference(other);
  const auto before = identities_of(other / run_name / "keys");
  const Outcome outcome = run_program(small_run("run"), {.folder = other.path()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.out.find("up to date"), std::string::npos) << outcome;
  EXPECT_TRUE(identities_of(other / run_name / "keys") == before);
  expect_parts_equal(other / run_name, {"segments", "descriptors", "clusters", "masks", "scores", "report"});
}

TEST_F(Stages, AChangedSettingRedoesItsStageAndThoseAfterIt) {
  const TempFolder other;
  copy_reference(other);
  const fs::path run = other / run_name;
  const auto keys = identities_of(run / "keys");
  const auto segments = contents_of(run, "segments");
  const auto masks = contents_of(run, "masks");

  const Outcome outcome = run_program(small_run("run", {"--set", "segment.min_patches=4"}), {.folder = other.path()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("segment.min_patches: 2 became 4"), std::string::npos) << outcome;
  EXPECT_TRUE(identities_of(run / "keys") == keys) << "keys do not depend on it";
  for (const auto& [name, bytes] : contents_of(run, "segments")) EXPECT_FALSE(bytes == segments.at(name)) << name;

  // Nothing of the earlier setting is mixed in: the same as in an empty folder.
  const TempFolder fresh;
  const Outcome once_more = run_program(small_run("run", {"--set", "segment.min_patches=4"}), {.folder = fresh.path()});
  ASSERT_EQ(once_more.code, 0) << once_more;
  for (const char* part : {"keys", "segments", "descriptors", "clusters", "masks", "scores", "report"}) {
    EXPECT_TRUE(contents_of(run, part) == contents_of(fresh / run_name, part)) << part << " differs";
  }
  EXPECT_FALSE(contents_of(run, "masks") == masks) << "the setting made no difference: the test shows nothing";

  // Clusters of the setting before tell nothing of how many segments there are now.
  const Outcome alone = run_program(small_run("segment", {"--set", "segment.min_patches=2"}), {.folder = other.path()});
  ASSERT_EQ(alone.code, 0) << alone;
  EXPECT_EQ(nlohmann::json::parse(bytes_of(run / "summary.json"))["segments"], 0);
}

TEST_F(Stages, ADamagedShardIsRefused) {
  const TempFolder other;
  copy_reference(other);
  const fs::path damaged = other / run_name / "descriptors" / "000002.h5";
  std::string bytes = bytes_of(damaged);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_bytes(damaged, bytes);
  fs::remove_all(other / run_name / "clusters");
  const Outcome outcome = run_program(small_run("cluster"), {.folder = other.path()});
  EXPECT_EQ(outcome.code, 3) << outcome;
  EXPECT_NE(outcome.err.find("000002.h5"), std::string::npos) << outcome;
  EXPECT_TRUE(files_below(other / run_name / "clusters").empty());
}

TEST_F(Stages, MasksOfOtherClustersAreNotEvaluated) {
  const TempFolder other;
  copy_reference(other);
  const std::string scores = bytes_of(other / run_name / "scores" / "k003.json");
  const Outcome outcome = run_program(small_run("evaluate", {"--set", "run.seed=7"}), {.folder = other.path()});
  EXPECT_EQ(outcome.code, 3) << outcome;
  EXPECT_NE(outcome.err.find("'mask'"), std::string::npos) << outcome;
  EXPECT_EQ(bytes_of(other / run_name / "scores" / "k003.json"), scores);
}

TEST_F(Stages, WithoutStoredKeysTheMasksAreTheSame) {
  const TempFolder other;
  const TempFolder with_keys;
  Arguments settings = {"--set", "affinity.center=image", "--set", "mask.labels=segment", "--set", "mask.refine=none"};
  ASSERT_EQ(run_program(small_run("run", settings), {.folder = with_keys.path()}).code, 0);
  settings.insert(settings.end(), {"--set", "storage.embeddings=none"});
  const Outcome outcome = run_program(small_run("run", settings), {.folder = other.path()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_TRUE(files_below(other / run_name / "keys").empty());
  for (const char* k : {"k003", "k004"}) {
    const std::string masks_of_k = std::string("masks/") + k;
    EXPECT_TRUE(contents_of(other / run_name, masks_of_k) == contents_of(with_keys / run_name, masks_of_k)) << k;
  }
}

TEST_F(Stages, AppliedToItsOwnImagesARunGivesItsMasksAndMapping) {
  const Outcome outcome = run_program({"apply", reference().string(), "--images", images(), "--truth", masks(), "--run",
                                       (suite_folder() / "applied").string()},
                                      {.folder = suite_folder().path(), .ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  for (const char* k : {"k003", "k004"}) {
    EXPECT_TRUE(contents_of(suite_folder() / "applied", std::string("masks/") + k) ==
                contents_of(reference(), std::string("masks/") + k));
    const auto applied = json_in(suite_folder() / "applied" / "scores" / (std::string(k) + ".json"));
    const auto fitted = json_in(reference() / "scores" / (std::string(k) + ".json"));
    for (const char* protocol : {"strict", "datus-compat"}) {
      for (const char* part : {"mapping", "counts", "miou", "pixel_accuracy", "iou"}) {
        EXPECT_EQ(applied[protocol][part], fitted[protocol][part]) << k << ", " << protocol << ", " << part;
      }
    }
  }
}

// Two photos, one of them new: the mapping is that of the fitted run all the same, as the scores say.
TEST_F(Stages, AppliedToOtherImagesTheMappingIsTheFittedOne) {
  const TempFolder other;
  copy_sample(other.path(), {"d_r_598_", "n_l_12_"});
  const Outcome outcome = run_program({"apply", reference().string(), "--images", (other / "images").string(),
                                       "--truth", (other / "masks").string(), "--run", (other / "new").string()},
                                      {.folder = other.path()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(files_below(other / "new" / "masks" / "k004").size(), 2U);
  const auto applied = json_in(other / "new" / "scores" / "k004.json");
  const auto fitted = json_in(reference() / "scores" / "k004.json");
  EXPECT_EQ(applied["strict"]["mapping"], fitted["strict"]["mapping"]);
  const auto& provenance = applied["strict"]["provenance"];
  EXPECT_EQ(provenance["fitted_on"].get<std::string>().substr(0, 8), "4 images");
  EXPECT_EQ(provenance["matched_on"].get<std::string>().substr(0, 8), "4 images");
  EXPECT_EQ(provenance["assigned_on"].get<std::string>().substr(0, 8), "2 images");
  // Each image by itself has the label map that it has in the fitted run.
  EXPECT_TRUE(bytes_of(other / "new" / "masks" / "k004" / "n_l_12_.png") ==
              bytes_of(reference() / "masks" / "k004" / "n_l_12_.png"));
}

TEST_F(Stages, ApplyRefusesTheFittedRunItselfAndAnUnfinishedOne) {
  const Outcome itself =
      run_program({"apply", reference().string(), "--images", images(), "--run", reference().string()});
  EXPECT_EQ(itself.code, 2) << itself;
  const TempFolder other;
  copy_reference(other);
  fs::remove(other / run_name / "clusters" / "k004" / "centroids.h5");
  const Outcome unfinished =
      run_program({"apply", (other / run_name).string(), "--images", images(), "--run", (other / "new").string()});
  EXPECT_EQ(unfinished.code, 3) << unfinished;
  EXPECT_NE(unfinished.err.find("k004"), std::string::npos) << unfinished;
  EXPECT_FALSE(fs::exists(other / "new"));
}

}  // namespace stages_test
}  // namespace datus::test
