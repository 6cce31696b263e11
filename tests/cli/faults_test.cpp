// SPDX-License-Identifier: Apache-2.0
#include "cli/suite_folder.hpp"
#include "datus/io/image_reader.hpp"
#include "datus/io/image_writer.hpp"
#include "datus/io/mask_file.hpp"
#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mount.h>

// A disk that is full, a server that is gone, a call that fails at the n-th time, on one rank or in the only process:
// the job ends with a message that names file and reason, what is under a final name is whole, and the same command
// finishes the run with the bytes of an undisturbed one. A sample of the cases; DATUS_FAULTS=all runs every
// combination.
namespace datus::test {
namespace faults_test {

namespace fs = std::filesystem;

const std::string run_name = "run";

/// Where in a run the fault is, in the order of the work.
const std::vector<std::string> stages = {"images.h5", "config.yaml", "keys/",   "segments/", "descriptors/",
                                         "clusters/", "masks/",      "scores/", "report/"};

struct Case {
  std::string stage;        ///< the directory holds the files of those before it
  std::string plan;         ///< of the fault library
  std::string reason = {};  ///< in the message; empty: the job succeeds
  std::string file = {};    ///< in the message
  int rank = -1;            ///< that has the fault, of three; -1: one process without mpirun
};

std::ostream& operator<<(std::ostream& stream, const Case& one) {
  return stream << one.plan << (one.rank < 0 ? "" : " on rank " + std::to_string(one.rank) + " of 3");
}

/// Every fourth pixel of four photos, and for each a ground truth of two halves.
void write_sample(const fs::path& folder) {
  for (const char* part : {"images", "masks"}) fs::create_directories(folder / part);
  for (const std::string name : {"d_r_47_", "f_r_329_", "n_l_12_", "w_r_147_"}) {
    const Image photo = read_image(source_path("data/suim8/images") / (name + ".jpg"));
    Image small(photo.height / 4, photo.width / 4);
    LabelMap truth(small.height, small.width);
    for (int y = 0; y < small.height; ++y) {
      for (int x = 0; x < small.width; ++x) {
        std::ranges::copy(photo.row(4 * y).subspan(std::size_t{12} * x, 3), small.row(y).begin() + 3 * x);
        truth.labels[static_cast<std::size_t>(y) * small.width + x] = x < small.width / 2 ? 0 : 1;
      }
    }
    write_png(folder / "images" / (name + ".png"), small);
    write_mask(folder / "masks" / (name + ".png"), truth, 2, distinct_palette(2));
  }
}

class Faults : public SuiteFolder<Faults> {
 protected:
  static void SetUpTestSuite() {
    write_sample(suite_folder().path());
    const TempFolder folder;
    const Outcome outcome = run_program(sample_run(), {.folder = folder.path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    reference() = results_of(folder / run_name);
    for (const auto& stage : stages) {
      const auto is_of_stage = [&](const auto& file) { return file.first.starts_with(stage); };
      ASSERT_TRUE(std::any_of(reference().begin(), reference().end(), is_of_stage)) << stage;
    }
  }
  static void TearDownTestSuite() {
    reference().clear();
    SuiteFolder::TearDownTestSuite();
  }

  /// Four small photos in four shards, because the run is made again and again; k-means saves after each iteration.
  static Arguments sample_run() {
    Arguments arguments = {"run", source_path("tests/sample.yaml").string(), "--run", run_name};
    for (const std::string& setting :
         {"dataset.images=" + (suite_folder() / "images").string(),
          "dataset.truth=" + (suite_folder() / "masks").string(), std::string("dataset.kind=index_png"),
          std::string("dataset.classes=2"), std::string("dataset.shard_size=1"), std::string("model.input_size=160"),
          std::string("cluster.k=[3,4]"), std::string("cluster.checkpoint_every=1")}) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return arguments;
  }

  /// The results of the undisturbed run.
  static Contents& reference() {
    static Contents contents;
    return contents;
  }

  /// A run directory that has got as far as that stage.
  static void prepare(const fs::path& run, const std::string& stage) {
    for (const auto& [name, bytes] : reference()) {
      for (const std::string& earlier : stages) {
        if (earlier == stage) break;
        if (name.starts_with(earlier)) write_bytes(run / name, bytes);
      }
    }
  }

  /// Nothing under a final name is damaged: by its record, and compared with the undisturbed run.
  static void expect_undamaged(const fs::path& run) {
    EXPECT_EQ(joined_lines(damage(results_of(run), reference())), "");
    if (!fs::exists(run / "config.yaml")) return;
    const Outcome outcome = run_program({"inspect", "--verify", run.string()});
    if (outcome.code == 0) return;
    // Missing files are no damage.
    EXPECT_EQ(outcome.code, 3) << outcome;
    EXPECT_NE(outcome.out.find("\n0 damaged, "), std::string::npos) << outcome;
    EXPECT_NE(outcome.out.find(" 0 stale, 0 foreign\n"), std::string::npos) << outcome;
  }

  static void expect_survived(const Case& one) {
    SCOPED_TRACE(one);
    const TempFolder folder;
    const TempFolder elsewhere;
    prepare(folder / run_name, one.stage);
    Launch launch = {.folder = folder.path(), .ranks = one.rank < 0 ? 0 : 3, .limit = std::chrono::seconds(60)};
    launch.environment = {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT=" + one.plan,
                          "DATUS_FAULT_LOG=" + (elsewhere / "log").string()};
    if (one.rank >= 0) launch.environment.push_back("DATUS_FAULT_RANK=" + std::to_string(one.rank));
    const Outcome outcome = run_program(sample_run(), launch);
    ASSERT_FALSE(outcome.timed_out) << outcome;
    ASSERT_TRUE(fs::exists(elsewhere / "log")) << "the fault did not happen: " << outcome;
    if (one.reason.empty()) {
      EXPECT_EQ(outcome.code, 0) << outcome;
    } else {
      EXPECT_EQ(outcome.code, 1) << outcome;
      EXPECT_NE(outcome.err.find(one.reason), std::string::npos) << "no " << one.reason << ": " << outcome;
      EXPECT_NE(outcome.err.find(one.file), std::string::npos) << "no " << one.file << ": " << outcome;
      const std::string rank = one.rank > 0 ? "rank " + std::to_string(one.rank) : "";
      EXPECT_NE(outcome.err.find(rank), std::string::npos) << "no " << rank << ": " << outcome;
      expect_undamaged(folder / run_name);
      Outcome again = run_program(sample_run(), {.folder = folder.path()});
      // mpirun does not wait for the last moments of the ranks that it has killed.
      for (int i = 0; i < 20 && again.err.find("that process is alive") != std::string::npos; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(250));
        again = run_program(sample_run(), {.folder = folder.path()});
      }
      EXPECT_EQ(again.code, 0) << again;
    }
    EXPECT_EQ(joined_lines(differences(folder / run_name, reference())), "");
  }
};

const std::string full = std::strerror(ENOSPC);
const std::string quota = std::strerror(EDQUOT);
const std::string input_output = std::strerror(EIO);
const std::string stale = std::strerror(ESTALE);
const std::string read_only = std::strerror(EROFS);
const std::string denied = std::strerror(EACCES);

TEST_F(Faults, OneProcess) {
  for (const Case& one : std::vector<Case>{
           {"images.h5", "pwrite:1:ENOSPC:/.images.h5", full, "images.h5"},
           {"images.h5", "write:1:ENOSPC:/lock$", full, "lock"},
           {"config.yaml", "write:1:EDQUOT:/.config.yaml", quota, "config.yaml"},
           {"keys/", "pwrite:3:EIO:/keys/.000002", input_output, "keys/"},
           {"keys/", "fsync:2:ENOSPC:/keys/.0", full, "keys/"},
           {"segments/", "pwrite:1:ENOSPC:/segments/.000001", full, "segments/"},
           {"segments/", "fsync:2:EIO:/segments$", input_output, "segments"},
           {"descriptors/", "rename:3:EIO:/descriptors/", input_output, "descriptors/"},
           {"descriptors/", "open:1:EACCES:/descriptors/.000003", denied, "descriptors/"},
           {"clusters/", "pwrite:1:ESTALE:/clusters/.checkpoint.h5", stale, "checkpoint.h5"},
           {"clusters/", "pwrite:2+:ENOSPC:/k004/.assignment.h5", full, "assignment.h5"},
           {"masks/", "write:1:ENOSPC:/k003/.f_r_329_.png", full, "f_r_329_.png"},
           {"scores/", "rename:1:EROFS:/scores/", read_only, "scores/"},
           {"report/", "write:1:ENOSPC:/report/.index.html", full, "index.html"},
           {"report/", "rename:2:EIO:/.state.json", input_output, "state.json"},
       }) {
    expect_survived(one);
  }
}

TEST_F(Faults, OneRankOfThree) {
  for (const Case& one : std::vector<Case>{
           {"images.h5", "fsync:1:EIO:/.images.h5", input_output, "images.h5", 0},
           {"keys/", "pwrite:2:ENOSPC:/keys/", full, "keys/", 1},
           {"descriptors/", "fsync:1:ESTALE:/descriptors/.0", stale, "descriptors/", 2},
           {"clusters/", "rename:2:EIO:/clusters/.checkpoint.h5", input_output, "checkpoint.h5", 0},
           {"masks/", "close:1:ENOSPC:/masks/k004/.", full, "masks/", 1},
           {"report/", "open:1:EACCES:/report/pictures/.", denied, "report/", 2},
       }) {
    expect_survived(one);
  }
}

// Not failures: a call may write less than it was asked to, or be interrupted by a signal.
TEST_F(Faults, ShortAndInterruptedCallsAreMadeAgain) {
  expect_survived({"images.h5", "pwrite:*:short:/run/;write:*:short:/run/;fsync:*:eintr:/run"});
  expect_survived({"images.h5", "pwrite:*:eintr:/run/;write:*:eintr:/run/", "", "", 1});
}

// A log is no result: the run goes on without it.
TEST_F(Faults, AFailingLogEndsNothing) {
  expect_survived({"masks/", "write:2+:ENOSPC:/log/"});
  expect_survived({"masks/", "open:1:EACCES:/log/", "", "", 1});
}

/// A file that is written to by `write` (text, pictures) or `pwrite` (HDF5).
struct WrittenFile {
  std::string stage;
  std::string path;  ///< part of the path of the unfinished file
  std::string call;
};

/// Combinations of a call, an instant and an error for one file; on a rank of three the commonest errors only.
void add_cases(std::vector<Case>& cases, const WrittenFile& file, int rank) {
  using Errors = std::vector<std::pair<const char*, int>>;
  const std::string name = file.path.substr(file.path.rfind('/') + 2);  // without the dot of the unfinished file
  const auto add = [&](const std::string& call, const Errors& errors) {
    for (const auto& [error, code] : errors) {
      cases.push_back({file.stage, call + ":" + error + ":" + file.path, std::strerror(code), name, rank});
    }
  };
  Errors failures = {{"ENOSPC", ENOSPC}, {"EIO", EIO}};
  if (rank < 0) failures.insert(failures.end(), {{"EDQUOT", EDQUOT}, {"ESTALE", ESTALE}});
  add(file.call + ":1", failures);
  if (file.call == "pwrite") add(file.call + ":4+", failures);
  add("fsync:1", failures);
  add("open:1", rank < 0 ? Errors{{"EACCES", EACCES}, {"EMFILE", EMFILE}, {"EIO", EIO}} : Errors{{"EACCES", EACCES}});
  add("rename:1", {{"EROFS", EROFS}, {"EIO", EIO}});
  add("close:2", {{"EDQUOT", EDQUOT}});
  const std::string folder = file.path.substr(0, file.path.rfind('/'));
  if (!folder.empty()) cases.push_back({file.stage, "fsync:1:EIO:" + folder + "$", input_output, "", rank});
}

TEST_F(Faults, EveryCombination) {
  const char* wanted = std::getenv("DATUS_FAULTS");
  if (wanted == nullptr || std::string(wanted) != "all") GTEST_SKIP() << "DATUS_FAULTS=all runs it: half an hour";
  const std::vector<WrittenFile> files_of_the_first_rank = {
      {"images.h5", "/.images.h5", "pwrite"},
      {"config.yaml", "/.config.yaml", "write"},
      {"config.yaml", "/.state.json", "write"},
      {"clusters/", "/.keys.h5", "pwrite"},
      {"clusters/", "/clusters/.checkpoint.h5", "pwrite"},
      {"clusters/", "/clusters/k003/.centroids.h5", "pwrite"},
      {"clusters/", "/clusters/k004/.assignment.h5", "pwrite"},
      {"clusters/", "/clusters/.selection.json", "write"},
      {"scores/", "/scores/.k003.json", "write"},
      {"report/", "/report/.index.html", "write"},
      {"report/", "/.summary.json", "write"},
      {"report/", "/.checksums.tsv", "write"},
  };
  const std::vector<WrittenFile> files_of_any_rank = {
      {"keys/", "/keys/.0", "pwrite"},
      {"segments/", "/segments/.0", "pwrite"},
      {"descriptors/", "/descriptors/.0", "pwrite"},
      {"masks/", "/masks/k004/.", "write"},
      {"masks/", "/.done/k003/.0", "write"},
      {"report/", "/report/pictures/.0", "write"},
  };
  std::vector<Case> cases;
  for (const WrittenFile& file : files_of_the_first_rank) {
    add_cases(cases, file, -1);
    add_cases(cases, file, 0);
  }
  for (const WrittenFile& file : files_of_any_rank) {
    add_cases(cases, file, -1);
    add_cases(cases, file, 1);
  }
  for (const char* error : {"write:1:ENOSPC", "write:1:EIO", "fsync:1:EDQUOT", "open:1:EACCES"}) {
    const std::string name = std::string(error).substr(std::string(error).rfind(':') + 1);
    const std::string reason = name == "ENOSPC"   ? full
                               : name == "EIO"    ? input_output
                               : name == "EDQUOT" ? quota
                                                  : denied;
    cases.push_back({"images.h5", std::string(error) + ":/lock$", reason, "lock"});
  }
  std::cout << cases.size() << " cases" << std::endl;
  for (const Case& one : cases) expect_survived(one);
}

/// A file system of a size of its own, for as long as the object lives.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& folder) : folder_(folder) {
    fs::create_directories(folder_);
    is_mounted_ = ::mount("datus-test", folder_.c_str(), "tmpfs", 0, "size=512k") == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) (void)::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  SmallDisk(SmallDisk&&) = delete;
  SmallDisk& operator=(SmallDisk&&) = delete;

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }
  [[nodiscard]] bool resize(std::int64_t bytes) const {
    const std::string option = "size=" + std::to_string(bytes);
    return ::mount("datus-test", folder_.c_str(), "tmpfs", MS_REMOUNT, option.c_str()) == 0;
  }

 private:
  fs::path folder_;
  bool is_mounted_ = false;
};

TEST_F(Faults, AFullDiskIsEnlargedAndTheRunGoesOn) {
  const TempFolder folder;
  const SmallDisk disk(folder / run_name);
  if (!disk.is_mounted()) GTEST_SKIP() << "only root may mount a tmpfs: " << std::strerror(errno);
  std::int64_t bytes = 0;
  for (const auto& [name, content] : reference()) bytes += std::ssize(content);

  const Outcome refused = run_program(sample_run(), {.folder = folder.path()});
  EXPECT_EQ(refused.code, 1) << refused;
  EXPECT_NE(refused.err.find("will not fit"), std::string::npos) << refused;

  Arguments forced = sample_run();
  forced.emplace_back("--force");
  const Launch launch{.folder = folder.path(), .ranks = 2};
  // Full in the middle of the shards, then among the masks or pictures.
  for (const std::int64_t size : {bytes / 4, bytes * 3 / 4}) {
    ASSERT_TRUE(disk.resize(size)) << std::strerror(errno);
    const Outcome outcome = run_program(forced, launch);
    ASSERT_FALSE(outcome.timed_out) << outcome;
    EXPECT_EQ(outcome.code, 1) << outcome;
    EXPECT_NE(outcome.err.find(full), std::string::npos) << outcome;
    EXPECT_NE(outcome.err.find(run_name + "/"), std::string::npos) << outcome;
    EXPECT_NE(outcome.err.find(" free on its file system"), std::string::npos) << outcome;
    expect_undamaged(folder / run_name);
  }
  ASSERT_TRUE(disk.resize(std::int64_t{64} << 20U)) << std::strerror(errno);
  const Outcome outcome = run_program(forced, launch);
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(joined_lines(differences(folder / run_name, reference())), "");
}

}  // namespace faults_test
}  // namespace datus::test
