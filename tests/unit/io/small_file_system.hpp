// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file system in memory that is full soon, for the tests of what happens then.

#include "support/temp_folder.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace datus::test {

/// A tmpfs of some bytes, seen by this process only. Where that is not allowed `problem` says why, and the test has to
/// be skipped.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(std::int64_t bytes) {
    // Mounts of a namespace of one's own go away with the process, also when it crashes.
    if (::unshare(CLONE_NEWNS) != 0 && !enter_user_namespace()) return;
    const std::string size = "size=" + std::to_string(bytes);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("datus-test", path().c_str(), "tmpfs", 0, size.c_str()) != 0) {
      problem_ = std::string("a small file system cannot be mounted here: ") + std::strerror(errno);
      return;
    }
    is_mounted_ = true;
  }
  ~SmallFileSystem() {
    if (is_mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  /// Names of what is there but for the filling.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all = folder_.names();
    std::erase(all, filling_name);
    return all;
  }

  /// Takes `bytes` away from what is free; 0 gives all of it back.
  void fill(std::int64_t bytes) const {
    const auto filling = folder_ / filling_name;
    std::filesystem::remove(filling);
    if (bytes == 0) return;
    const int file = ::open(filling.c_str(), O_WRONLY | O_CREAT, 0666);
    const int result = ::posix_fallocate(file, 0, bytes);
    ::close(file);
    ASSERT_EQ(result, 0) << std::strerror(result);
  }

 private:
  static constexpr const char* filling_name = "filling";

  /// For users who are not root.
  bool enter_user_namespace() {
    const auto user = ::getuid();
    const auto group = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      problem_ = std::string("no namespace of mounts can be made here: ") + std::strerror(errno);
      return false;
    }
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
    std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
    return true;
  }

  TempFolder folder_;
  std::string problem_;
  bool is_mounted_ = false;
};

}  // namespace datus::test
