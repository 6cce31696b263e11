// SPDX-License-Identifier: Apache-2.0
#include "datus/core/regular_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/text.hpp"
#include "support/temp_folder.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace datus::test {
namespace regular_file_test {

namespace fs = std::filesystem;

void make_socket(const fs::path& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(descriptor, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(descriptor);
}

/// Why it cannot be opened.
std::string reason_of(const fs::path& path) {
  std::string why;
  EXPECT_FALSE(RegularFile::open(path, why).has_value()) << path;
  EXPECT_FALSE(text_of_file(path).has_value());
  EXPECT_THROW(static_cast<void>(hash_file(path)), InputError);
  return why;
}

// None of these waits for somebody.
TEST(RegularFile, NothingElseIsOpened) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  make_socket(folder / "socket");
  fs::create_symlink(folder / "pipe", folder / "link");
  fs::create_symlink("round", folder / "round");
  EXPECT_NE(reason_of(folder / "pipe").find("pipe"), std::string::npos);
  EXPECT_NE(reason_of(folder / "link").find("pipe"), std::string::npos);
  EXPECT_NE(reason_of(folder / "socket").find("socket"), std::string::npos);
  EXPECT_NE(reason_of("/dev/zero").find("device"), std::string::npos);
  EXPECT_NE(reason_of(folder.path()).find("folder"), std::string::npos);
  EXPECT_NE(reason_of(folder / "missing").find("no such file"), std::string::npos);
  EXPECT_NE(reason_of(folder / "round").find("symbolic links"), std::string::npos);
  try {
    const RegularFile file(folder / "pipe");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find((folder / "pipe").string()), std::string::npos);
  }
}

TEST(RegularFile, IsReadPieceByPiece) {
  const TempFolder folder;
  write_bytes(folder / "file", "0123456789");
  fs::create_symlink(folder / "file", folder / "link");
  RegularFile file(folder / "link");
  EXPECT_EQ(file.bytes(), 10);
  EXPECT_GT(file.modified(), 0);
  std::array<char, 8> piece{};
  EXPECT_EQ(file.read(std::as_writable_bytes(std::span(piece))), 8U);
  EXPECT_EQ(std::string(piece.data(), 8), "01234567");
  EXPECT_EQ(file.read(std::as_writable_bytes(std::span(piece))), 2U);
  EXPECT_EQ(file.read(std::as_writable_bytes(std::span(piece))), 0U);
  const std::string large(200'001, 'x');
  write_bytes(folder / "large", large);
  EXPECT_EQ(text_of_file(folder / "large"), large);
  write_bytes(folder / "empty", "");
  EXPECT_EQ(text_of_file(folder / "empty"), "");
  // They say that they are empty.
  EXPECT_FALSE(text_of_file("/proc/self/stat").value_or("").empty());
}

}  // namespace regular_file_test
}  // namespace datus::test
