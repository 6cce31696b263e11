// SPDX-License-Identifier: Apache-2.0
#include "datus/io/disk_space.hpp"

#include "datus/core/error.hpp"
#include "small_file_system.hpp"
#include "support/errors.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <optional>
#include <regex>
#include <string>

#include <sys/resource.h>

namespace datus {
namespace disk_space_test {

using test::expect_error;
using test::SmallFileSystem;
using test::TempFolder;
using test::write_bytes;

constexpr std::int64_t mib = std::int64_t{1} << 20;

std::string text_of(const WriteFailure& failure) {
  try {
    throw_write_failure(failure);
  } catch (const SystemError& error) {
    return error.what();
  }
}

WriteFailure failure_of(const std::filesystem::path& file, int code, std::optional<std::int64_t> needed = {}) {
  return {.problem = "Cannot write " + file.string(), .file = file, .code = code, .needed = needed};
}

TEST(FreeBytes, AreWhatASmallFileSystemHasLeft) {
  const SmallFileSystem system(2 * mib);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  EXPECT_EQ(free_bytes(system.path()), 2 * mib);
  system.fill(mib / 2);
  EXPECT_EQ(free_bytes(system.path()), mib * 3 / 2);
  EXPECT_EQ(free_bytes(system / "not/there/yet"), mib * 3 / 2);
  system.fill(2 * mib);
  EXPECT_EQ(free_bytes(system.path()), 0);
}

TEST(FreeBytes, OfWhatDoesNotExistAreThoseOfTheNearestParent) {
  EXPECT_GT(free_bytes("a folder that is nowhere/below"), 0);
  EXPECT_GT(free_bytes(""), 0);
  const TempFolder folder;
  write_bytes(folder / "file", "");
  EXPECT_GT(free_bytes(folder / "file/below"), 0);
  std::filesystem::create_symlink("loop", folder / "loop");
  EXPECT_GT(free_bytes(folder / "loop"), 0);
}

TEST(WriteFailure, AFullDiskSaysWhatIsNeededAndFree) {
  const SmallFileSystem system(2 * mib);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  const auto file = system / "a.h5";
  system.fill(mib);
  EXPECT_EQ(
      text_of(failure_of(file, ENOSPC, 5 * mib)),
      "Cannot write " + file.string() +
          " (No space left on device: the file needs at least 5.00 MiB, 1.00 MiB are free on its file system) Free "
          "some space, or use another folder, and run the same command again: it goes on where it stopped.");
  // What the unfinished file has taken comes back when it is removed.
  write_bytes(file, std::string(mib / 2, 'x'));
  EXPECT_NE(text_of(failure_of(file, ENOSPC, 5 * mib)).find(", 1.00 MiB are free"), std::string::npos);
  // Without a known size.
  EXPECT_NE(text_of(failure_of(file, ENOSPC)).find("device: 1.00 MiB are free"), std::string::npos);
}

TEST(WriteFailure, SizesAreRoundedSoThatTheyNeverSeemToFit) {
  const SmallFileSystem system(4 * mib);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  const auto file = system / "a.h5";
  // 2 MiB less one page are free: 1.996 MiB.
  system.fill(2 * mib + 4096);
  const auto expect = [&](std::int64_t needed, const std::string& text) {
    const std::string whole = text_of(failure_of(file, ENOSPC, needed));
    EXPECT_NE(whole.find("at least " + text + ", 1.99 MiB are free"), std::string::npos) << whole;
  };
  expect(2 * mib - 4096 + 1, "2.00 MiB");
  expect(2 * mib + 1, "2.01 MiB");
  expect(2000 * mib, "1.96 GiB");
  expect(1, "1 bytes");
  expect(1023, "1023 bytes");
  expect(1024, "1.00 KiB");
  expect(std::int64_t{1} << 40, "1.00 TiB");
  expect(std::int64_t{5000} << 40, "5000 TiB");
}

TEST(WriteFailure, NoRoomForOneMoreFileIsTold) {
  const SmallFileSystem system(2 * mib);
  if (!system.problem().empty()) GTEST_SKIP() << system.problem();
  ASSERT_EQ(::mount("datus-test", system.path().c_str(), "tmpfs", MS_REMOUNT, "size=2m,nr_inodes=2"), 0);
  write_bytes(system / "last", "");
  expect_error<SystemError>([&] { throw_write_failure(failure_of(system / "a", ENOSPC, 10)); },
                            {"2.00 MiB are free", "no free inodes", "Remove some files"});
}

TEST(WriteFailure, EnoughFreeSpacePointsAtQuotas) {
  const TempFolder folder;
  if (free_bytes(folder.path()) < 300 * mib) GTEST_SKIP() << "the disk is nearly full";
  expect_error<SystemError>([&] { throw_write_failure(failure_of(folder / "a", ENOSPC, 10)); },
                            {"No space left", "at least 10 bytes", "quota -s", "lfs df", "run the same command again"});
}

TEST(WriteFailure, AUsedUpQuotaIsNotTheDisk) {
  const TempFolder folder;
  const std::string text = text_of(failure_of(folder / "a.h5", EDQUOT, 3 * mib));
  EXPECT_TRUE(std::regex_search(
      text, std::regex(R"(Cannot write .*a\.h5 \(Disk quota exceeded: .*quota of the user, group or project.*not the )"
                       R"(disk; the file needs at least 3\.00 MiB, [0-9.]+ .iB are free .*\) .*'quota -s'.*'lfs quota')"
                       R"(.*run the same command again: it goes on where it stopped\.)")))
      << text;
}

TEST(WriteFailure, EachReasonHasItsAdvice) {
  const TempFolder folder;
  const std::vector<std::pair<int, std::string>> advice = {
      {EIO, "(Input/output error) Check the disk or the file server"},
      {EROFS, "(Read-only file system) Use another folder"},
      {EACCES, "(Permission denied) Check owner and permissions"},
      {EPERM, "(Operation not permitted) Check owner and permissions"},
      {ESTALE, "(Stale file handle) Check the file server"},
      {EMFILE, "(Too many open files) Raise the limit of open files ('ulimit -n')"},
      {ENAMETOOLONG, "(File name too long) Use a shorter path."},
      {ENOENT, "(No such file or directory) Check the path"},
      {ENOMEM, "(Cannot allocate memory) Free some memory"},
  };
  for (const auto& [code, text] : advice) {
    expect_error<SystemError>([&] { throw_write_failure(failure_of(folder / "a.h5", code, 10)); },
                              {"Cannot write " + (folder / "a.h5").string() + " " + text});
  }
}

[[noreturn]] void report_too_large(rlim_t limit) {
  const rlimit limits{limit, limit};
  ::setrlimit(RLIMIT_FSIZE, &limits);
  std::cerr << text_of(failure_of("a.h5", EFBIG, 3 * mib));
  std::exit(1);
}

TEST(WriteFailureDeathTest, TooLargeAFileNamesTheLimit) {
  EXPECT_EXIT(
      report_too_large(static_cast<rlim_t>(2 * mib)), ::testing::ExitedWithCode(1),
      "File too large: the file needs at least 3.00 MiB, the limit of this process is 2.00 MiB. Raise the limit "
      ".'ulimit -f unlimited'.");
  EXPECT_NE(text_of(failure_of("a.h5", EFBIG)).find("(File too large) Raise the limit"), std::string::npos);
}

}  // namespace disk_space_test
}  // namespace datus
