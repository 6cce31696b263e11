// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/checksums.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "support/temp_folder.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace checksums_test {

namespace fs = std::filesystem;

/// One phrase for each file that differs or is missing, and for a list that is damaged itself.
std::vector<std::string> check_checksums(const RunDirectory& directory) {
  std::vector<std::string> phrases;
  try {
    const auto checksums = read_checksums(directory);
    if (!checksums) return phrases;
    for (const Checksum& checksum : *checksums) {
      const std::string difference = difference_from(checksum, directory);
      if (!difference.empty()) phrases.push_back(checksum.path + " " + difference);
    }
  } catch (const InputError& error) {
    phrases.emplace_back(error.what());
  }
  return phrases;
}

/// A run directory with a file of each sort, the ones that the list leaves out too.
class Checksums : public testing::Test {
 protected:
  Checksums() {
    for (const std::string& name : listed_) write_bytes(folder_ / name, "content of " + name);
    for (const char* name :
         {"images.h5", "keys/000000.h5", "masks/k006/a.png", "clusters/k006/centroids.h5", "log/1/rank0000.jsonl",
          "summary.json", "state.json", "lock", "scores/.k006.json.tmp-1", "notes.txt"}) {
      write_bytes(folder_ / name, "not listed");
    }
  }

  void write() const { write_checksums(run_, {}); }
  [[nodiscard]] std::string text() const { return bytes_of(run_.checksums()); }

  TempFolder folder_;
  RunDirectory run_{folder_.path()};
  /// In byte order.
  std::vector<std::string> listed_ = {
      "clusters/selection.json",   "config.yaml",      "descriptors.h5",   "keys.h5",     "report/index.html",
      "report/pictures/000000.js", "scores/k006.json", "scores/k010.json", "segments.h5", "unreadable.tsv"};
};

TEST_F(Checksums, ListsTheFilesWithoutARecordOfTheirOwn) {
  write();
  std::string expected;
  for (const std::string& name : listed_) {
    const std::string content = "content of " + name;
    expected += Hasher().add_bytes(std::as_bytes(std::span(content))).finish().hex() + "\t" +
                std::to_string(content.size()) + "\t" + name + "\n";
  }
  EXPECT_EQ(text().substr(0, expected.size()), expected);
  EXPECT_EQ(text().substr(expected.size(), 8), "# hash: ");
  EXPECT_EQ(text().size(), expected.size() + 8 + 32 + 1);
}

TEST_F(Checksums, ANewRunHasAnEmptyList) {
  const TempFolder empty;
  write_checksums(RunDirectory(empty.path()), {});
  ASSERT_TRUE(read_checksums(RunDirectory(empty.path())));
  EXPECT_TRUE(read_checksums(RunDirectory(empty.path()))->empty());
  EXPECT_TRUE(check_checksums(RunDirectory(empty.path())).empty());
}

TEST_F(Checksums, AnUnchangedRunHasNothingToSay) {
  EXPECT_TRUE(check_checksums(run_).empty()) << "there is no list yet";
  write();
  EXPECT_TRUE(check_checksums(run_).empty());
  write_bytes(folder_ / "summary.json", "another job");
  write_bytes(folder_ / "keys/000000.h5", "that one has its own record");
  EXPECT_TRUE(check_checksums(run_).empty());
}

TEST_F(Checksums, WhatBecameOfEachFileIsSaid) {
  write();
  write_bytes(folder_ / "scores/k006.json", "content of scores/k007.json");
  fs::remove(folder_ / "scores/k010.json");
  fs::resize_file(folder_ / "report/index.html", 3);
  fs::remove(folder_ / "keys.h5");
  fs::create_directory(folder_ / "keys.h5");
  fs::remove(folder_ / "segments.h5");
  fs::create_symlink("nowhere", folder_ / "segments.h5");
  EXPECT_EQ(check_checksums(run_),
            (std::vector<std::string>{"keys.h5 is not a regular file any more",
                                      "report/index.html has 3 bytes, had 28 when it was written",
                                      "scores/k006.json was changed after it was written",
                                      "scores/k010.json is missing", "segments.h5 is missing"}));
}

TEST_F(Checksums, EveryFlippedBitOfTheListIsSeenInTheListItself) {
  write();
  const std::string good = text();
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1U << (at % 8)));
    write_bytes(run_.checksums(), changed);
    const auto phrases = check_checksums(run_);
    ASSERT_EQ(phrases.size(), 1U) << "byte " << at;
    ASSERT_NE(phrases[0].find("checksums.tsv is damaged"), std::string::npos) << phrases[0];
  }
}

TEST_F(Checksums, EveryTruncationOfTheListIsSeen) {
  write();
  const std::string good = text();
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_bytes(run_.checksums(), good.substr(0, size));
    EXPECT_THROW((void)read_checksums(run_), InputError) << size << " bytes";
  }
  write_bytes(run_.checksums(), good + "x");
  EXPECT_THROW((void)read_checksums(run_), InputError);
}

/// A list with a right hash at its end.
std::string list_of(const std::string& lines) {
  return lines + "# hash: " + Hasher().add(lines).finish().hex() + "\n";
}

TEST_F(Checksums, AListOfAnythingIsRefused) {
  const std::string hash(32, '0');
  for (const std::string& lines :
       {std::string("\n"), std::string("hello\n"), hash + "\t1\n", hash + "\tone\ta\n", hash + "\t-1\ta\n",
        hash + "\t1 \ta\n", hash + "\t99999999999999999999\ta\n", hash + "\t1\t\n", hash + "\t1\t/etc/passwd\n",
        hash + "\t1\t../other/config.yaml\n", hash + "\t1\ta/../../b\n", std::string(1000, '\t') + "\n",
        std::string("\0\0\0", 3)}) {
    write_bytes(run_.checksums(), list_of(lines));
    EXPECT_THROW((void)read_checksums(run_), InputError) << lines;
    EXPECT_EQ(check_checksums(run_).size(), 1U) << lines;
  }
}

TEST_F(Checksums, AFolderInThePlaceOfTheListIsSaid) {
  fs::create_directory(run_.checksums());
  ASSERT_EQ(check_checksums(run_).size(), 1U);
  EXPECT_NE(check_checksums(run_)[0].find("not a regular file"), std::string::npos);
}

TEST_F(Checksums, IsRemoved) {
  remove_checksums(run_);
  write();
  remove_checksums(run_);
  EXPECT_FALSE(fs::exists(run_.checksums()));
  EXPECT_FALSE(read_checksums(run_));
}

TEST_F(Checksums, IsNotWrittenOnceTheLockIsLost) {
  EXPECT_THROW(write_checksums(run_, {.tag = "t", .before_rename = [] { throw SystemError("lost", "", ""); }}),
               SystemError);
  EXPECT_FALSE(fs::exists(run_.checksums()));
  EXPECT_EQ(files_below(folder_.path()).size(), listed_.size() + 10U) << "a temporary file was left";
}

}  // namespace checksums_test
}  // namespace datus::test
