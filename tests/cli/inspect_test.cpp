// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/inspect.hpp"

#include "cli/suite_folder.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/files/segments_file.hpp"
#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/temp_folder.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

// Damage anywhere in a run is found by `datus inspect --verify` and made good by the next `datus run`: on the run of
// the sample, whose files are damaged in every way that one can think of.
namespace datus::test {
namespace inspect_test {

namespace fs = std::filesystem;

const std::string run_name = "run";

Arguments run_sample(const Arguments& more = {}) {
  Arguments arguments = {
      "run", source_path("tests/sample.yaml").string(), "--run", run_name, "--set", "model.input_size=224"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// A way to damage a file whose bytes are given.
struct Damage {
  std::string name;
  std::function<void(const fs::path&, std::string)> apply;
};

Damage flip_bit(const std::string& name, const std::function<std::size_t(std::size_t)>& place, unsigned bit) {
  return {name, [=](const fs::path& path, std::string bytes) {
            char& byte = bytes.at(place(bytes.size()));
            byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit));
            write_bytes(path, bytes);
          }};
}

Damage flip_random_bit(unsigned seed) {
  return flip_bit(
      "flip of a bit at random (" + std::to_string(seed) + ")",
      [seed](std::size_t size) {
        std::mt19937_64 random(seed * 1'000'003 + size);
        return static_cast<std::size_t>(random() % size);
      },
      seed % 8);
}

const Damage truncated = {"half", [](const fs::path& path, const std::string& bytes) {
                            write_bytes(path, bytes.substr(0, bytes.size() / 2));
                          }};
const Damage emptied = {"emptied", [](const fs::path& path, const std::string&) { write_bytes(path, ""); }};
const Damage deleted = {"deleted", [](const fs::path& path, const std::string&) { fs::remove(path); }};

std::vector<Damage> all_damages() {
  return {flip_bit(
              "first byte", [](std::size_t) { return 0; }, 0),
          flip_bit(
              "last byte", [](std::size_t size) { return size - 1; }, 3),
          flip_bit(
              "middle", [](std::size_t size) { return size / 2; }, 7),
          flip_random_bit(1),
          flip_random_bit(2),
          flip_random_bit(3),
          flip_random_bit(4),
          {"last byte lost", [](const fs::path& path,
                                const std::string& bytes) { write_bytes(path, bytes.substr(0, bytes.size() - 1)); }},
          {"a byte more", [](const fs::path& path, const std::string& bytes) { write_bytes(path, bytes + "x"); }},
          truncated,
          emptied,
          deleted};
}

struct Found {
  ExitCode code = ExitCode::failure;
  std::string text;
};

/// What `datus inspect --verify` says, without the start of a program.
Found verify(const fs::path& run) {
  std::ostringstream out;
  const ExitCode code = inspect(run, true, ModelConfig{}, out);
  return {code, out.str()};
}

class Inspect : public SuiteFolder<Inspect> {
 protected:
  static void SetUpTestSuite() {
    const Outcome outcome = run_program(run_sample(), {.folder = suite_folder().path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    reference() = results_of(run());
    ASSERT_TRUE(reference().contains("checksums.tsv")) << "the run did not end as it should";
  }
  static void TearDownTestSuite() {
    reference().clear();
    SuiteFolder::TearDownTestSuite();
  }

  static fs::path run() { return suite_folder() / run_name; }
  static Contents& reference() {
    static Contents files;
    return files;
  }

  /// Brings a file of the run back.
  static void restore(const std::string& name) {
    fs::remove_all(run() / name);
    write_bytes(run() / name, reference().at(name));
  }

  static void expect_found(const Found& found, const std::string& kind, const std::string& name,
                           const std::string& reason = {}) {
    EXPECT_EQ(found.code, ExitCode::bad_input) << found.text;
    const auto line = found.text.find(kind + "  " + name + "  ");
    ASSERT_NE(line, std::string::npos) << name << "\n" << found.text;
    EXPECT_NE(found.text.substr(line, found.text.find('\n', line) - line).find(reason), std::string::npos)
        << found.text;
  }

  static void expect_restored(const fs::path& damaged_run) {
    const Contents now = results_of(damaged_run);
    for (const auto& [name, bytes] : reference()) {
      const auto found = now.find(name);
      if (found == now.end()) {
        ADD_FAILURE() << name << " is missing";
      } else {
        EXPECT_TRUE(found->second == bytes) << name << " differs";
      }
    }
    for (const auto& [name, bytes] : now) EXPECT_TRUE(reference().contains(name)) << name << " is extra";
  }
};

TEST_F(Inspect, AGoodRunIsFine) {
  const Outcome outcome = run_program({"inspect", "--verify", run().string()});
  EXPECT_EQ(outcome.code, 0) << outcome;
  for (const char* part : {"4 keys", "4 segments", "4 descriptors", "4 cluster files", "16 masks", "8 mask records",
                           "2 scores", "3 virtual files", "1 config", "1 image list", "1 checksums"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome;
  }
  for (const char* word : {"damaged", "missing", "stale", "foreign", "not checked", "note"}) {
    EXPECT_EQ(outcome.out.find(word), std::string::npos) << word << "\n" << outcome;
  }
}

// One file of each folder is damaged in every way, each other one in one way.
TEST_F(Inspect, EveryDamageToEveryFileIsFoundAndNamed) {
  const std::vector<Damage> damages = all_damages();
  std::set<fs::path> folders_seen;
  std::size_t next = 0;
  for (const auto& [name, bytes] : reference()) {
    const fs::path parent = fs::path(name).parent_path();
    const bool is_first = parent.empty() || folders_seen.insert(parent).second;
    for (std::size_t i = 0; i < damages.size(); ++i) {
      if (!is_first && i != next % damages.size()) continue;
      damages[i].apply(run() / name, bytes);
      const Found found = verify(run());
      EXPECT_EQ(found.code, ExitCode::bad_input) << name << ": " << damages[i].name;
      EXPECT_NE(found.text.find(name), std::string::npos) << name << ": " << damages[i].name << "\n" << found.text;
      restore(name);
    }
    ++next;
  }
  EXPECT_EQ(verify(run()).code, ExitCode::done);
}

TEST_F(Inspect, TheProgramSaysWhatToDo) {
  truncated.apply(run() / "segments/000002.h5", reference().at("segments/000002.h5"));
  const Outcome outcome = run_program({"inspect", "--verify", run().string()});
  restore("segments/000002.h5");
  EXPECT_EQ(outcome.code, 3) << outcome;
  EXPECT_NE(outcome.out.find("damaged  segments/000002.h5  "), std::string::npos) << outcome;
  EXPECT_NE(outcome.out.find("1 damaged, 0 missing, 0 stale, 0 foreign"), std::string::npos) << outcome;
  EXPECT_NE(outcome.out.find("run the same command again"), std::string::npos) << outcome;
}

// One file of each kind, each damaged in one of three ways, by turns.
TEST_F(Inspect, TheNextRunMakesDamageGood) {
  const std::vector<std::string> files = {"keys/000001.h5",
                                          "segments/000000.h5",
                                          "descriptors/000003.h5",
                                          "clusters/k006/centroids.h5",
                                          "clusters/k010/assignment.h5",
                                          "clusters/selection.json",
                                          "masks/k006/d_r_47_.png",
                                          "masks/.done/k010/000002.json",
                                          "scores/k006.json",
                                          "report/index.html",
                                          "report/pictures/000003.js",
                                          "keys.h5",
                                          "segments.h5",
                                          "descriptors.h5",
                                          "checksums.tsv",
                                          "config.yaml",
                                          "images.h5",
                                          "masks/k010/n_l_12_.png",
                                          "keys/000003.h5",
                                          "masks/.done/k006/000000.json"};
  const std::vector<Damage> damages = {flip_random_bit(5), truncated, deleted};
  for (std::size_t turn = 0; turn < damages.size(); ++turn) {
    const TempFolder other;
    fs::copy(run(), other / run_name, fs::copy_options::recursive);
    for (std::size_t i = 0; i < files.size(); ++i) {
      damages[(i + turn) % damages.size()].apply(other / run_name / files[i], reference().at(files[i]));
    }
    EXPECT_EQ(verify(other / run_name).code, ExitCode::bad_input);
    const int ranks = turn == 0 ? 0 : 2;
    const Outcome outcome = run_program(run_sample(), {.folder = other.path(), .ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    expect_restored(other / run_name);
    const Found found = verify(other / run_name);
    EXPECT_EQ(found.code, ExitCode::done) << found.text;
  }
}

// Each of these is a good file by itself.
TEST_F(Inspect, GoodFilesInAWrongPlaceAreFoundAndReplaced) {
  const TempFolder other;
  const Outcome other_run =
      run_program(run_sample({"--set", "segment.min_patches=4"}), {.folder = other.path(), .ranks = 2});
  ASSERT_EQ(other_run.code, 0) << other_run;
  const TempFolder place;
  const fs::path copy = place / run_name;
  fs::copy(run(), copy, fs::copy_options::recursive);
  const auto overwrite = [](const fs::path& from, const fs::path& to) {
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  };
  overwrite(run() / "keys/000001.h5", copy / "keys/000002.h5");
  overwrite(run() / "keys/000002.h5", copy / "keys/000001.h5");
  overwrite(other / run_name / "segments/000000.h5", copy / "segments/000000.h5");
  overwrite(other / run_name / "descriptors/000003.h5", copy / "descriptors/000003.h5");
  overwrite(other / run_name / "clusters/k010/assignment.h5", copy / "clusters/k010/assignment.h5");
  overwrite(other / run_name / "masks/.done/k006/000001.json", copy / "masks/.done/k006/000001.json");
  overwrite(run() / "masks/.done/k010/000001.json", copy / "masks/.done/k010/000000.json");
  overwrite(run() / "scores/k010.json", copy / "scores/k006.json");

  const Found found = verify(copy);
  expect_found(found, "stale", "keys/000002.h5", "it is a copy of shard 1");
  expect_found(found, "stale", "keys/000001.h5", "it is a copy of shard 2");
  expect_found(found, "stale", "segments/000000.h5", "segment.min_patches: 4 became 2");
  expect_found(found, "stale", "descriptors/000003.h5", "the stage before it changed");
  expect_found(found, "stale", "clusters/k010/assignment.h5", "the stage before it changed");
  expect_found(found, "stale", "masks/.done/k006/000001.json", "other clusters or settings");
  expect_found(found, "stale", "masks/.done/k010/000000.json", "it is a copy of shard 1");
  expect_found(found, "damaged", "scores/k006.json");

  const Outcome outcome = run_program(run_sample(), {.folder = place.path(), .ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  expect_restored(copy);
}

TEST_F(Inspect, AMissingSourceOfAVirtualFileIsNamed) {
  fs::remove(run() / "keys/000002.h5");
  const Found found = verify(run());
  restore("keys/000002.h5");
  expect_found(found, "missing", "keys/000002.h5");
}

TEST_F(Inspect, MasksAndRecordsMustAgree) {
  write_bytes(run() / "masks/k006/nobody.png", reference().at("masks/k006/d_r_47_.png"));
  fs::remove(run() / "masks/k010/d_r_47_.png");
  const Found found = verify(run());
  fs::remove(run() / "masks/k006/nobody.png");
  restore("masks/k010/d_r_47_.png");
  expect_found(found, "foreign", "masks/k006/nobody.png");
  expect_found(found, "missing", "masks/k010/d_r_47_.png", "masks/.done/k010/000000.json");
}

TEST_F(Inspect, SomethingElseInThePlaceOfAFileIsNamed) {
  const std::vector<std::string> files = {"config.yaml",      "images.h5",
                                          "keys/000000.h5",   "clusters/k006/centroids.h5",
                                          "keys.h5",          "masks/k006/d_r_47_.png",
                                          "scores/k006.json", "masks/.done/k006/000002.json",
                                          "checksums.tsv"};
  for (const std::string& name : files) {
    fs::remove(run() / name);
    fs::create_directories(run() / name / "folder");
    expect_found(verify(run()), "damaged", name);
    fs::remove_all(run() / name);
    fs::create_symlink("nowhere", run() / name);
    const Found dangling = verify(run());
    EXPECT_EQ(dangling.code, ExitCode::bad_input) << name;
    EXPECT_NE(dangling.text.find(name), std::string::npos) << dangling.text;
    fs::remove(run() / name);
    ASSERT_EQ(::mkfifo((run() / name).c_str(), 0600), 0);
    expect_found(verify(run()), "damaged", name);
    restore(name);
  }
  // A file where a folder should be.
  fs::rename(run() / "scores", suite_folder() / "scores");
  write_bytes(run() / "scores", "a file");
  const Found found = verify(run());
  fs::remove(run() / "scores");
  fs::rename(suite_folder() / "scores", run() / "scores");
  EXPECT_EQ(found.code, ExitCode::bad_input) << found.text;
  EXPECT_NE(found.text.find("scores/k006.json"), std::string::npos) << found.text;
}

TEST_F(Inspect, FilesThatDoNotBelongToTheRunAreToldApart) {
  const std::vector<std::string> foreign = {"keys/000004.h5", "keys/000001 (copy).h5", "clusters/k006/notes.txt",
                                            "scores/k099.json", "report/pictures/me.js"};
  const std::vector<std::string> notes = {"lock", "slurm-1.out", "segments/.000001.h5.tmp-4711.0-r3-99", "mine/a"};
  for (const auto& names : {foreign, notes}) {
    for (const std::string& name : names) write_bytes(run() / name, "x");
  }
  const Found found = verify(run());
  for (const std::string& name : foreign) {
    expect_found(found, "foreign", name);
    fs::remove(run() / name);
  }
  EXPECT_NE(found.text.find("move the foreign files elsewhere"), std::string::npos) << found.text;
  EXPECT_EQ(found.text.find("run the same command"), std::string::npos) << found.text;
  const Found with_notes = verify(run());
  EXPECT_EQ(with_notes.code, ExitCode::done) << with_notes.text;
  for (const char* line : {"note  lock  ", "note  slurm-1.out  ", "note  segments/.000001.h5.tmp-", "note  mine  "}) {
    EXPECT_NE(with_notes.text.find(line), std::string::npos) << line << "\n" << with_notes.text;
  }
  for (const std::string& name : notes) fs::remove_all(run() / name);
  fs::remove_all(run() / "mine");
}

TEST_F(Inspect, AStageThatIsGoneIsMissingInARunThatIsDone) {
  for (const char* part : {"keys", "segments", "descriptors", "clusters", "masks", "scores", "report"}) {
    fs::rename(run() / part, suite_folder() / "aside");
    const Found found = verify(run());
    fs::rename(suite_folder() / "aside", run() / part);
    EXPECT_EQ(found.code, ExitCode::bad_input) << part;
    EXPECT_NE(found.text.find("missing  " + std::string(part) + "/"), std::string::npos) << part << "\n" << found.text;
  }
}

TEST_F(Inspect, AnUnfinishedRunMayLackWholeStages) {
  const TempFolder other;
  const fs::path copy = other / run_name;
  fs::copy(run(), copy, fs::copy_options::recursive);
  write_bytes(copy / "state.json", R"({"schema": 1, "state": "interrupted"})");
  for (const char* part :
       {"checksums.tsv", "keys.h5", "segments.h5", "descriptors.h5", "descriptors", "clusters", "masks", "report"}) {
    fs::remove_all(copy / part);
  }
  const Found found = verify(copy);
  EXPECT_EQ(found.code, ExitCode::done) << found.text;
  EXPECT_NE(found.text.find("not checked: 2 files"), std::string::npos) << found.text;  // scores
  fs::remove(copy / "segments/000001.h5");
  expect_found(verify(copy), "missing", "segments/000001.h5");
}

TEST_F(Inspect, WithoutConfigurationOrListTheContentIsStillChecked) {
  for (const std::string lost : {"config.yaml", "images.h5"}) {
    fs::remove(run() / lost);
    emptied.apply(run() / "keys/000000.h5", "");
    flip_random_bit(6).apply(run() / "segments/000001.h5", reference().at("segments/000001.h5"));
    const Found found = verify(run());
    for (const std::string& name : {lost, std::string("keys/000000.h5"), std::string("segments/000001.h5")}) {
      restore(name);
    }
    expect_found(found, "missing", lost);
    expect_found(found, "damaged", "keys/000000.h5");
    expect_found(found, "damaged", "segments/000001.h5");
    EXPECT_EQ(found.text.find("foreign  "), std::string::npos) << found.text;
  }
}

// Shards made before they told their number: complete files of the same settings.
TEST_F(Inspect, AShardOfAnotherVersionIsSaidToBeOne) {
  const fs::path path = run() / "segments/000001.h5";
  const StageProvenance without_number{"segment", recorded_parts(Hdf5Reader(path)), std::nullopt};
  write_segments(path, read_segments(path, std::nullopt), without_number);
  const Found found = verify(run());
  restore("segments/000001.h5");
  expect_found(found, "stale", "segments/000001.h5", "another version of datus made it");
}

TEST_F(Inspect, LongRowsOfFilesWithOneFateAreOneLine) {
  std::vector<std::string> names;
  for (int shard = 10; shard < 18; ++shard) names.push_back("keys/0000" + std::to_string(shard) + ".h5");
  for (const std::string& name : names) write_bytes(run() / name, "x");
  const Found found = verify(run());
  for (const std::string& name : names) fs::remove(run() / name);
  EXPECT_EQ(found.code, ExitCode::bad_input);
  EXPECT_NE(found.text.find("foreign  keys/000010.h5 ... keys/000017.h5  (8 files)  "), std::string::npos)
      << found.text;
  EXPECT_NE(found.text.find("0 damaged, 0 missing, 0 stale, 8 foreign"), std::string::npos) << found.text;
}

TEST_F(Inspect, AFolderThatIsNoRunIsRefused) {
  const TempFolder empty;
  for (const Arguments& arguments :
       {Arguments{"inspect", empty.path().string()}, Arguments{"inspect", "--verify", empty.path().string()}}) {
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.code, 3) << outcome;
    EXPECT_NE(outcome.err.find("is not a run"), std::string::npos) << outcome;
  }
}

TEST_F(Inspect, WithoutVerifyItSaysWhatTheRunIs) {
  const Outcome outcome = run_program({"inspect", run().string()});
  EXPECT_EQ(outcome.code, 0) << outcome;
  const std::string version = run_program({"--version"}).out;
  for (const std::string& line :
       {std::string("state     done\n"), "version   " + version.substr(version.find(' ') + 1),
        std::string("images    8 images in 4 shards, 0 unreadable, "), std::string("extract   4 of 4 shards\n"),
        std::string("describe  4 of 4 shards\n"), std::string("cluster   K = 6, 10\n"),
        std::string("mask      K = 6: 4 of 4 shards, K = 10: 4 of 4 shards\n"), std::string("evaluate  K = 6, 10\n"),
        std::string("K         6, 10\n"), std::string("demo_vit_tiny_patch16.safetensors, hash "),
        std::string("\n  10  strict ")}) {
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line << "\n" << outcome;
  }
  const std::string state = bytes_of(run() / "state.json");
  fs::remove(run() / "segments/000001.h5");
  write_bytes(run() / "images.h5", "");
  write_bytes(run() / "state.json", "{");
  const Outcome damaged = run_program({"inspect", run().string()});
  EXPECT_EQ(damaged.code, 0) << damaged;
  for (const char* part : {"state     not known", "images.h5", "K         6, 10\n"}) {
    EXPECT_NE(damaged.out.find(part), std::string::npos) << part << "\n" << damaged;
  }
  restore("images.h5");
  EXPECT_NE(run_program({"inspect", run().string()}).out.find("segment   3 of 4 shards"), std::string::npos);
  restore("segments/000001.h5");
  write_bytes(run() / "state.json", state);
}

TEST_F(Inspect, APathThatIsNotThereIsNamed) {
  for (const char* path : {"nowhere", "nowhere.h5", "nowhere.pth"}) {
    const Outcome outcome = run_program({"inspect", path}, {.folder = suite_folder().path()});
    EXPECT_EQ(outcome.code, 3) << outcome;
    EXPECT_NE(outcome.err.find("There is no " + std::string(path) + " ("), std::string::npos) << outcome;
  }
}

}  // namespace inspect_test
}  // namespace datus::test
