// SPDX-License-Identifier: Apache-2.0
#include "datus/io/atomic_file.hpp"

#include "datus/io/hdf5_writer.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include <sys/resource.h>
#include <unistd.h>

namespace datus {
namespace atomic_file_test {

using test::bytes_of;
using test::expect_error;
using test::TempFolder;
using test::write_bytes;

TEST(AtomicFile, AppearsOnlyAtCommit) {
  const TempFolder folder;
  AtomicFile file(folder / "a.bin", {.tag = "job7-rank3"});
  EXPECT_EQ(file.path().filename(), ".a.bin.tmp-job7-rank3-" + std::to_string(::getpid()));
  EXPECT_EQ(file.path().parent_path(), folder.path());
  write_bytes(file.path(), "new");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.bin"));
  bool checked = false;
  file.commit([&](const std::filesystem::path& path) {
    checked = true;
    EXPECT_EQ(path, file.path());
    EXPECT_EQ(bytes_of(path), "new");
    EXPECT_FALSE(std::filesystem::exists(folder / "a.bin"));
  });
  EXPECT_TRUE(checked);
  EXPECT_EQ(bytes_of(folder / "a.bin"), "new");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.bin"});
}

TEST(AtomicFile, LeavesNothingBehindWithoutCommit) {
  const TempFolder folder;
  write_bytes(folder / "a.bin", "old");
  const auto abandon = [&] {
    AtomicFile file(folder / "a.bin");
    write_bytes(file.path(), "new");
    throw std::runtime_error("stopped");
  };
  EXPECT_THROW(abandon(), std::runtime_error);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.bin"});
  EXPECT_EQ(bytes_of(folder / "a.bin"), "old");
}

TEST(AtomicFile, ARefusingCheckKeepsTheOldFile) {
  const TempFolder folder;
  write_bytes(folder / "a.bin", "old");
  {
    AtomicFile file(folder / "a.bin");
    write_bytes(file.path(), "new");
    EXPECT_THROW(file.commit([](const auto&) { throw std::runtime_error("bad"); }), std::runtime_error);
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.bin"});
  EXPECT_EQ(bytes_of(folder / "a.bin"), "old");
}

TEST(AtomicFile, ReplacesALeftoverOfTheSameName) {
  const TempFolder folder;
  const auto leftover = folder / (".a.bin.tmp-t-" + std::to_string(::getpid()));
  write_bytes(leftover, "half a file");
  AtomicFile file(folder / "a.bin", {.tag = "t"});
  EXPECT_EQ(file.path(), leftover);
  EXPECT_EQ(bytes_of(file.path()), "");
}

TEST(AtomicFile, TheLongestNameFits) {
  const TempFolder folder;
  const std::string name(255, 'x');
  AtomicFile file(folder / name, {.tag = "rank0"});
  EXPECT_EQ(file.path().filename().string().substr(0, 100), "." + std::string(99, 'x'));
  file.commit();
  EXPECT_EQ(folder.names(), std::vector<std::string>{name});
}

TEST(AtomicFile, AnUnusableFolderIsNamed) {
  const TempFolder folder;
  write_bytes(folder / "file", "");
  expect_error<SystemError>([&] { AtomicFile(folder / "file/a.bin"); },
                            {(folder / "file/a.bin").string(), "Not a dir"});
  expect_error<SystemError>([&] { AtomicFile(folder / "none/a.bin"); }, {(folder / "none/a.bin").string(), "No such"});
  expect_error<SystemError>([&] { AtomicFile(folder / ""); }, {"names no file"});
  expect_error<SystemError>([&] { AtomicFile(folder / "a", {.tag = "x/y"}); }, {"holds a slash"});
}

TEST(AtomicFile, AFolderInTheWayIsAnError) {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "a.bin/inside");
  {
    AtomicFile file(folder / "a.bin");
    expect_error<SystemError>([&] { file.commit(); }, {"Cannot rename", (folder / "a.bin").string()});
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.bin"});
}

TEST(AtomicFile, APathIsTriedBeforeTheWork) {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "made");
  write_bytes(folder / "file", "old");
  require_writable(folder / "file");
  require_writable(folder / "new");
  const auto refuse = [&](const std::string& path, const std::string& why) {
    expect_error<SystemError>([&] { require_writable(folder / path); },
                              {"Cannot write " + (folder / path).string(), why});
  };
  refuse("made", "it is a folder");
  refuse("made/", "it is a folder");
  refuse("none/a.bin", "No such");
  refuse("file/a.bin", "Not a dir");
  EXPECT_EQ(bytes_of(folder / "file"), "old");
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"file", "made"}));
}

TEST(AtomicFile, ALostTemporaryFileIsAnError) {
  const TempFolder folder;
  AtomicFile file(folder / "a.bin");
  std::filesystem::remove(file.path());
  expect_error<SystemError>([&] { file.commit(); }, {file.path().string(), "No such file"});
  EXPECT_TRUE(folder.names().empty());
}

/// Writes `bytes` bytes where files may have `limit` only (that of stderr too, which the test keeps in a file). It
/// fails like a full disk; the end is that of the program.
[[noreturn]] void write_with_limit(const std::filesystem::path& path, std::size_t bytes, rlim_t limit) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limits{limit, limit};
  setrlimit(RLIMIT_FSIZE, &limits);
  try {
    if (path.extension() == ".h5") {
      AtomicFile file(path);
      Hdf5Writer writer(file.path());
      writer.write<std::uint8_t>("x", std::vector<std::uint8_t>(bytes), {static_cast<std::int64_t>(bytes)});
      writer.close();
      file.commit();
    } else {
      write_text_atomically(path, std::string(bytes, 'x'));
    }
  } catch (const Error& error) {
    std::cerr << error.what();
    std::exit(static_cast<int>(error.exit_code()));
  }
  std::exit(0);
}

TEST(AtomicFileDeathTest, TooLargeAFileEndsInOrder) {
  const TempFolder folder;
  EXPECT_EXIT(write_with_limit(folder / "a.json", 5000, 1000), ::testing::ExitedWithCode(1),
              "Cannot write the 5000 bytes of .*a.json .File too large: the file needs at least 4.89 KiB, the limit of "
              "this process is 1000 bytes.");
  // The HDF5 library gives up at the data or at the descriptions, which it writes last.
  for (const rlim_t limit : {2'000, 50'000, 100'000, 100'400}) {
    EXPECT_EXIT(write_with_limit(folder / "a.h5", 100'000, limit), ::testing::ExitedWithCode(1),
                "Cannot .*a.h5.* .File too large: the file needs at least 97.7 KiB.* Raise the limit");
  }
  EXPECT_TRUE(folder.names().empty());
  EXPECT_EXIT(write_with_limit(folder / "a.h5", 100'000, 200'000), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.h5"});
}

TEST(WriteTextAtomically, WritesAndReplaces) {
  const TempFolder folder;
  const std::string text(3'000'000, 'y');
  write_text_atomically(folder / "a.json", text);
  EXPECT_EQ(bytes_of(folder / "a.json"), text);
  write_text_atomically(folder / "a.json", "", {.tag = "tag"});
  EXPECT_EQ(bytes_of(folder / "a.json"), "");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.json"});
}

TEST(MakeFolders, MakesWhatIsMissing) {
  const TempFolder folder;
  make_folders(folder / "a" / "b" / "c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a" / "b" / "c"));
  make_folders(folder / "a" / "b" / "c");
  make_folders((folder / "d").string() + "/");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "d"));
  std::filesystem::create_directory_symlink(folder / "d", folder / "link");
  make_folders(folder / "link" / "e");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "d" / "e"));
  write_bytes(folder / "file", "");
  EXPECT_THROW(make_folders(folder / "file"), std::filesystem::filesystem_error);
  EXPECT_THROW(make_folders(folder / "file" / "f"), std::filesystem::filesystem_error);
}

}  // namespace atomic_file_test
}  // namespace datus
