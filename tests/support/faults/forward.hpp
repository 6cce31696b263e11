// SPDX-License-Identifier: Apache-2.0
#pragma once

// What libraries that are preloaded need to stand in front of a system call.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc declares open and open64, fopen and fopen64, … as functions of their own; other systems have one of each only.
#define DATUS_HOOK extern "C" __attribute__((visibility("default")))

/// The mode that follows the flags of an open, where they ask for one.
#define DATUS_READ_MODE(flags, mode)                                \
  mode_t mode = 0;                                                  \
  if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) { \
    std::va_list arguments;                                         \
    va_start(arguments, flags);                                     \
    mode = static_cast<mode_t>(va_arg(arguments, unsigned));        \
    va_end(arguments);                                              \
  }

namespace datus::faults {

/// The function of this name behind this library.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// Where a descriptor leads to; empty if the system does not say. Leaves errno alone.
class DescriptorPath {
 public:
  explicit DescriptorPath(int descriptor) {
    const int saved_errno = errno;
    std::array<char, 32> link{};
    (void)std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
    const long size = ::syscall(SYS_readlinkat, AT_FDCWD, link.data(), path_.data(), path_.size() - 1);
    path_[static_cast<std::size_t>(std::max(size, 0L))] = '\0';
    errno = saved_errno;
  }
  [[nodiscard]] const char* get() const { return path_.data(); }

 private:
  std::array<char, 4096> path_{};
};

}  // namespace datus::faults
