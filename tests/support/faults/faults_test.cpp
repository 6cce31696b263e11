// SPDX-License-Identifier: Apache-2.0
#include "support/program.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// What libdatus_faults.so does to a program that makes each of its calls, one after the other: the probe.
namespace datus::test {
namespace {

/// The probe's words where nothing is disturbed.
const std::vector<std::string> undisturbed = {
    "open 0",     "write 10",    "write again 10", "writev 10",      "pwrite 10", "ftruncate 0",
    "fsync 0",    "fdatasync 0", "open folder 0",  "fsync folder 0", "close 0",   "rename 0",
    "renameat 0", "fopen 0",     "fwrite 10",      "fclose 0",       "end"};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

class Faults : public testing::Test {
 protected:
  /// Runs the probe under a plan. An empty plan leaves the variable unset.
  Outcome run_probe(const std::string& plan, const std::string& what = "", const Arguments& more = {}) const {
    Arguments environment = {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT_LOG=" + log().string()};
    if (!plan.empty()) environment.push_back("DATUS_FAULT=" + plan);
    environment.insert(environment.end(), more.begin(), more.end());
    return run_program({work_.path().string(), what}, {.environment = environment});
  }
  std::filesystem::path log() const { return log_folder_ / "log"; }

  /// The probe says under `plan` what it says otherwise, but for one line.
  void expect_changed(const std::string& plan, const std::string& line, const std::string& changed) const {
    std::vector<std::string> expected = undisturbed;
    const auto place = std::find(expected.begin(), expected.end(), line);
    ASSERT_NE(place, expected.end()) << line;
    *place = changed;
    const Outcome outcome = run_probe(plan);
    EXPECT_EQ(outcome.code, 0) << plan << ": " << outcome;
    EXPECT_EQ(outcome.out, joined(expected)) << plan;
  }

  /// The probe is killed under `plan` after it said everything up to and with `last`.
  void expect_killed(const std::string& plan, const std::string& last) const {
    const Outcome outcome = run_probe(plan);
    EXPECT_EQ(outcome.code, 128 + SIGKILL) << plan << ": " << outcome;
    const auto place = std::find(undisturbed.begin(), undisturbed.end(), last);
    EXPECT_EQ(outcome.out, joined({undisturbed.begin(), place + 1})) << plan;
  }

  TempFolder work_;
  TempFolder log_folder_;
};

TEST_F(Faults, WithoutAPlanNothingChanges) {
  const Outcome outcome = run_probe("");
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(outcome.out, joined(undisturbed));
  EXPECT_FALSE(std::filesystem::exists(log()));
}

TEST_F(Faults, AnErrorHitsOneCallOfItsKindAndPath) {
  expect_changed("write:1:ENOSPC:/.one", "write 10", "write ENOSPC");
  expect_changed("write:2:EDQUOT:/.one", "write again 10", "write again EDQUOT");
  expect_changed("write:3:EIO:/.one", "writev 10", "writev EIO");
  expect_changed("pwrite:1:ESTALE", "pwrite 10", "pwrite ESTALE");
  expect_changed("truncate:1:EFBIG", "ftruncate 0", "ftruncate EFBIG");
  expect_changed("fsync:1:EIO", "fsync 0", "fsync EIO");
  expect_changed("fsync:2:EIO", "fdatasync 0", "fdatasync EIO");
  expect_changed("fsync:1:ENOSPC:" + work_.path().string() + "$", "fsync folder 0", "fsync folder ENOSPC");
  expect_changed("close:1:EIO:/.one", "close 0", "close EIO");
  expect_changed("rename:2:EROFS", "renameat 0", "renameat EROFS");
  expect_changed("write:1:EIO:/stream$", "fwrite 10", "fwrite EIO");
  expect_changed("close:1:ENOSPC:/stream", "fclose 0", "fclose ENOSPC");
}

TEST_F(Faults, FilesThatCannotBeOpened) {
  const Outcome folder = run_probe("open:1:EMFILE:" + work_.path().string() + "$");
  EXPECT_NE(folder.out.find("open 0\n"), std::string::npos) << folder;
  EXPECT_NE(folder.out.find("open folder EMFILE\n"), std::string::npos) << folder;
  const Outcome stream = run_probe("open:1:EACCES:/stream");
  EXPECT_NE(stream.out.find("open folder 0\n"), std::string::npos) << stream;
  EXPECT_NE(stream.out.find("fopen EACCES\n"), std::string::npos) << stream;
}

TEST_F(Faults, EitherPathOfARenameCounts) {
  expect_changed("rename:1:EIO:/two$", "renameat 0", "renameat EIO");
  expect_changed("rename:1:EIO:.tmp-", "rename 0", "rename EIO");
}

TEST_F(Faults, ShortWritesWriteHalf) {
  expect_changed("write:1:short:/.one", "write 10", "write 5");
  expect_changed("write:3:short:/.one", "writev 10", "writev 3");
  expect_changed("pwrite:*:short:/.one", "pwrite 10", "pwrite 5");
  expect_changed("write:1:short:/stream", "fwrite 10", "fwrite 10");
}

TEST_F(Faults, AnInterruptedCallWorksTheNextTime) {
  expect_changed("write:1:eintr:/.one", "write 10", "write EINTR");
  // Each first attempt of three calls: the second call is the repetition of the first.
  const Outcome outcome = run_probe("write:*:eintr:/.one");
  EXPECT_NE(outcome.out.find("write EINTR\nwrite again 10\nwritev EINTR\n"), std::string::npos) << outcome;
}

TEST_F(Faults, CountsFromThenOn) {
  const Outcome outcome = run_probe("write:2+:ENOSPC:/.one");
  EXPECT_NE(outcome.out.find("write 10\nwrite again ENOSPC\nwritev ENOSPC\npwrite 10\n"), std::string::npos) << outcome;
}

TEST_F(Faults, KillsBeforeAndAfterACall) {
  expect_killed("rename:1:kill-before", "close 0");
  EXPECT_TRUE(std::filesystem::exists(work_ / ".one.tmp-1"));
  EXPECT_FALSE(std::filesystem::exists(work_ / "one"));
  expect_killed("rename:1:kill-after", "close 0");
  EXPECT_FALSE(std::filesystem::exists(work_ / ".one.tmp-1"));
  EXPECT_TRUE(std::filesystem::exists(work_ / "one"));
  expect_killed("fsync:1:kill-before", "ftruncate 0");
  EXPECT_EQ(std::filesystem::file_size(work_ / ".one.tmp-1"), 25U);
  expect_killed("write:2:kill-after:/.one", "write 10");
  EXPECT_EQ(std::filesystem::file_size(work_ / ".one.tmp-1"), 20U);
}

TEST_F(Faults, RulesAddUp) {
  const Outcome outcome = run_probe("fsync:1:EIO;rename:1:delay=1;pwrite:1:short;rename:2:kill-before");
  EXPECT_EQ(outcome.code, 128 + SIGKILL) << outcome;
  EXPECT_NE(outcome.out.find("pwrite 5\nftruncate 0\nfsync EIO\n"), std::string::npos) << outcome;
  EXPECT_TRUE(outcome.out.ends_with("rename 0\n")) << outcome;
}

TEST_F(Faults, TheLogNamesWhatWasTouched) {
  (void)run_probe("rename:*:log;fsync:1:EIO:/.one", "", {"OMPI_COMM_WORLD_RANK=3"});
  const std::string text = bytes_of(log());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_NE(text.find("call=fsync number=1 action=EIO path=" + (work_ / ".one.tmp-1").string() + "\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("call=rename number=2 action=log"), std::string::npos) << text;
  EXPECT_TRUE(text.starts_with("rank=3 pid=")) << text;
}

TEST_F(Faults, OnlyTheNamedRank) {
  const std::string plan = "fsync:1:EIO";
  EXPECT_EQ(run_probe(plan, "", {"DATUS_FAULT_RANK=1"}).out, joined(undisturbed));
  EXPECT_EQ(run_probe(plan, "", {"DATUS_FAULT_RANK=1", "OMPI_COMM_WORLD_RANK=0"}).out, joined(undisturbed));
  const Outcome hit = run_probe(plan, "", {"DATUS_FAULT_RANK=1", "OMPI_COMM_WORLD_RANK=1"});
  EXPECT_NE(hit.out.find("fsync EIO"), std::string::npos) << hit;
}

TEST_F(Faults, ThreadsAreCountedTogether) {
  EXPECT_EQ(run_probe("write:500:ENOSPC:/thread", "threads").out, "failures 1\nend\n");
  EXPECT_EQ(run_probe("write:901+:ENOSPC:/thread", "threads").out, "failures 100\nend\n");
}

TEST_F(Faults, AllreducesBySize) {
  const std::string all = "MPI_Allreduce 1: ok, 5\nMPI_Allreduce 5: ok, 5\nMPI_Allreduce 5: ok, 5\n";
  const Outcome outcome = run_probe("MPI_Allreduce:3:kill-before:5", "mpi");
  EXPECT_EQ(outcome.code, 128 + SIGKILL) << outcome;
  EXPECT_EQ(outcome.out, all + "MPI_Allreduce 1: ok, 5\n");
  EXPECT_EQ(run_probe("MPI_Allreduce:2:kill-after", "mpi").out, "MPI_Allreduce 1: ok, 5\n");
  EXPECT_EQ(run_probe("", "mpi").out, all + "MPI_Allreduce 1: ok, 5\nMPI_Allreduce 5: ok, 5\nend\n");
}

// mpirun itself stays undisturbed, and hands the plan on with its semicolons.
TEST_F(Faults, ReachRanksUnderMpirun) {
  const Outcome outcome =
      run_program({work_.path().string(), "mpi"},
                  {.ranks = 2,
                   .environment = {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT_LOG=" + log().string(),
                                   "DATUS_FAULT_RANK=1", "DATUS_FAULT=MPI_Allreduce:1:log:5;MPI_Allreduce:2:log:5"}});
  EXPECT_EQ(outcome.code, 0) << outcome;
  const std::string text = bytes_of(log());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_EQ(text.find("rank=0"), std::string::npos) << text;
}

TEST_F(Faults, ATypingErrorEndsTheProgram) {
  for (const char* plan : {"sync:1:EIO", "fsync:0:EIO", "fsync:x:EIO", "fsync:1:EWRONG", "fsync:1", "fsync",
                           "fsync:1:delay=x", "MPI_Allreduce:1:log:many", "fsync:1:EIO;rename"}) {
    const Outcome outcome = run_probe(plan);
    EXPECT_EQ(outcome.code, 99) << plan << ": " << outcome;
    EXPECT_NE(outcome.err.find("DATUS_FAULT"), std::string::npos) << outcome;
  }
}

}  // namespace
}  // namespace datus::test
