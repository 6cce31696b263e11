// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/lock_file.hpp"

#include "datus/core/error.hpp"
#include "support/temp_folder.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace datus::test {
namespace lock_file_test {

namespace fs = std::filesystem;
using lock_detail::between;
using lock_detail::LockFile;
using lock_detail::ServerTime;

/// Gives a file a date, in seconds since 1970.
void set_date(const fs::path& file, std::int64_t seconds) {
  const std::array<timespec, 2> times{timespec{seconds, 0}, timespec{seconds, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times.data(), 0), 0);
}

class LockFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> names() const { return files_below(folder.path()); }

  TempFolder folder;
  LockFile file{folder / "lock"};
};

TEST_F(LockFileTest, IsMadeOnce) {
  EXPECT_FALSE(file.look());
  EXPECT_TRUE(file.create("one"));
  EXPECT_FALSE(file.create("two"));
  EXPECT_EQ(bytes_of(file.path()), "one");
  EXPECT_EQ(file.look()->text, "one");
  EXPECT_EQ(names(), std::vector<std::string>{"lock"});
}

TEST_F(LockFileTest, IsReplacedOnlyWhenItIsTheOneThatWasSeen) {
  ASSERT_TRUE(file.create("one"));
  const auto seen = *file.look();
  EXPECT_TRUE(file.replace(seen, true, "two"));
  EXPECT_EQ(bytes_of(file.path()), "two");

  EXPECT_FALSE(file.replace(seen, false, "three")) << "the text has changed";
  EXPECT_EQ(bytes_of(file.path()), "two");
  fs::remove(file.path());
  EXPECT_FALSE(file.replace(seen, false, "three")) << "there is none";
  EXPECT_EQ(names(), std::vector<std::string>{});
}

TEST_F(LockFileTest, ABeatKeepsItFromBeingReplacedWhereBeatsCount) {
  ASSERT_TRUE(file.create("one"));
  set_date(file.path(), 1'000'000);
  const auto seen = *file.look();
  set_date(file.path(), 1'000'001);
  EXPECT_FALSE(file.replace(seen, true, "two"));
  EXPECT_EQ(bytes_of(file.path()), "one");
  EXPECT_TRUE(file.replace(seen, false, "two"));
  EXPECT_EQ(bytes_of(file.path()), "two");
  EXPECT_EQ(names(), std::vector<std::string>{"lock"});
}

TEST_F(LockFileTest, OnlyTheHolderTouchesAndRemoves) {
  ASSERT_TRUE(file.create("one"));
  set_date(file.path(), 1'000'000);
  const auto old = file.look()->modified;
  EXPECT_EQ(old, (ServerTime{1'000'000, 0}));
  file.touch("two");
  EXPECT_EQ(file.look()->modified, old);
  file.remove("two");
  EXPECT_TRUE(file.look());
  file.touch("one");
  EXPECT_GT(between(old, file.look()->modified).count(), 0);
  file.remove("one");
  EXPECT_FALSE(file.look());
  file.touch("one");
  file.remove("one");
}

TEST_F(LockFileTest, TheServersPresentIsThatOfAFileMadeNow) {
  const ServerTime before = file.server_now("name");
  write_bytes(folder / "other", "");
  struct stat status {};
  ASSERT_EQ(stat((folder / "other").c_str(), &status), 0);
  const ServerTime after = file.server_now("name");
  const ServerTime other{status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  EXPECT_GE(between(before, other).count(), 0);
  EXPECT_GE(between(other, after).count(), 0);
  EXPECT_EQ(names(), std::vector<std::string>{"other"}) << "the probe was left behind";
}

TEST_F(LockFileTest, AnyTwoDatesCanBeCompared) {
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  constexpr auto first = std::numeric_limits<std::int64_t>::min();
  EXPECT_DOUBLE_EQ(between({5, 900'000'000}, {7, 100'000'000}).count(), 1.2);
  EXPECT_DOUBLE_EQ(between({7, 100'000'000}, {5, 900'000'000}).count(), -1.2);
  EXPECT_GT(between({first, 0}, {last, 999'999'999}).count(), 1e19);
  EXPECT_LT(between({last, 999'999'999}, {first, 0}).count(), -1e19);
}

// A link could lead out of the run, and a pipe would never end.
TEST_F(LockFileTest, OnlyAFileIsALock) {
  write_bytes(folder / "other", "text");
  fs::create_symlink("other", file.path());
  EXPECT_THROW((void)file.look(), SystemError);
  fs::remove(file.path());
  ASSERT_EQ(mkfifo(file.path().c_str(), 0600), 0);
  EXPECT_THROW((void)file.look(), SystemError);
  fs::remove(file.path());
  fs::create_directory(file.path());
  EXPECT_THROW((void)file.look(), SystemError);
}

}  // namespace lock_file_test
}  // namespace datus::test
