// SPDX-License-Identifier: Apache-2.0
#include "datus/io/disk_space.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string_view>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view again = "run the same command again: it goes on where it stopped.";

struct FileSystem {
  std::int64_t free_bytes = 0;
  bool has_inodes = true;
};

std::optional<FileSystem> file_system_of(const fs::path& path) {
  struct statvfs system {};
  int result = 0;
  do result = ::statvfs(path.c_str(), &system);
  while (result != 0 && errno == EINTR);
  if (result != 0) return std::nullopt;
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::uint64_t block = system.f_frsize == 0 ? system.f_bsize : system.f_frsize;
  const std::uint64_t blocks = std::min<std::uint64_t>(system.f_bavail, block == 0 ? 0 : most / block);
  // File systems without a fixed number of files say 0 of 0.
  return FileSystem{static_cast<std::int64_t>(blocks * block), system.f_files == 0 || system.f_favail > 0};
}

/// The folder itself, or its nearest parent that exists.
fs::path existing_parent(const fs::path& folder) {
  std::error_code problem;
  fs::path parent = fs::absolute(folder.empty() ? fs::path(".") : folder, problem).lexically_normal();
  while (!fs::exists(parent, problem) && parent.has_relative_path()) parent = parent.parent_path();
  return parent;
}

/// What the file takes on its file system now, in bytes; 0 when it is not there.
std::int64_t taken_bytes(const fs::path& file) {
  struct stat status {};
  constexpr std::int64_t block = 512;  // of st_blocks, whatever the file system's own are
  return ::stat(file.c_str(), &status) == 0 ? std::int64_t{status.st_blocks} * block : 0;
}

/// "the file needs at least 57.3 MiB, 1.2 MiB are free on its file system".
std::string needed_and_free(const WriteFailure& failure, const std::optional<FileSystem>& system) {
  const std::string needed = failure.needed.value_or(0) > 0
                                 ? "the file needs at least " + size_text(*failure.needed, Rounding::up) + ", "
                                 : std::string();
  if (!system) return needed + "what is free on its file system cannot be told";
  return needed + size_text(system->free_bytes, Rounding::down) + " are free on its file system";
}

/// The file system of `file`, with what the unfinished file gives back when it is removed counted as free.
std::optional<FileSystem> file_system_without(const fs::path& file) {
  auto system = file_system_of(existing_parent(file.parent_path()));
  if (system) system->free_bytes += taken_bytes(file);
  return system;
}

[[noreturn]] void throw_disk_full(const WriteFailure& failure) {
  const auto system = file_system_without(failure.file);
  const std::string why = errno_text(failure.code) + ": " + needed_and_free(failure, system);
  if (system && !system->has_inodes) {
    throw SystemError(failure.problem, why + ", but it has no room for one more file (no free inodes)",
                      "Remove some files, or use another folder, and " + std::string(again));
  }
  // Project quotas of XFS and a full part of a striped file system look like a full disk.
  constexpr std::int64_t ample = std::int64_t{64} << 20;
  if (system && failure.needed && system->free_bytes / 2 > *failure.needed + ample) {
    throw SystemError(failure.problem, why,
                      "A quota of the folder may be used up, or one part of a striped file system be full: see "
                      "'quota -s', on Lustre 'lfs quota' and 'lfs df'. Free some space, or use another folder, and " +
                          std::string(again));
  }
  throw SystemError(failure.problem, why, "Free some space, or use another folder, and " + std::string(again));
}

[[noreturn]] void throw_quota_used_up(const WriteFailure& failure) {
  throw SystemError(failure.problem,
                    errno_text(failure.code) +
                        ": it is the quota of the user, group or project that is used up, not "
                        "the disk; " +
                        needed_and_free(failure, file_system_without(failure.file)),
                    "See the quota ('quota -s', on Lustre 'lfs quota'), free some of it or use another folder, and " +
                        std::string(again));
}

[[noreturn]] void throw_too_large(const WriteFailure& failure) {
  std::string why = errno_text(failure.code);
  if (failure.needed) why += ": the file needs at least " + size_text(*failure.needed, Rounding::up);
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    why += ", the limit of this process is " + size_text(static_cast<std::int64_t>(limit.rlim_cur), Rounding::down);
  }
  throw SystemError(failure.problem, why,
                    "Raise the limit ('ulimit -f unlimited'), or use a file system that takes larger files, and " +
                        std::string(again));
}

std::string advice_for(int code) {
  const std::string then = std::string(again);
  switch (code) {
    case EIO:
    case ENXIO:
    case ENODEV:
      return "Check the disk or the file server (the system's log says more), or use another folder, and " + then;
    case ESTALE:
    case ETIMEDOUT:
    case ENOTCONN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EREMOTEIO:
      return "Check the file server and the network, and " + then;
    case EROFS:
      return "Use another folder, or have the file system mounted for writing (after errors of a disk the system "
             "stops writing to it), and " +
             then;
    case EACCES:
    case EPERM:
      return "Check owner and permissions of the folder, or use another one, and " + then;
    case EMFILE:
    case ENFILE:
      return "Raise the limit of open files ('ulimit -n'), and " + then;
    case ENOMEM:
    case ENOBUFS:
      return "Free some memory, and " + then;
    case ENAMETOOLONG:
      return "Use a shorter path.";
    default:
      return "Check the path and its permissions.";
  }
}

}  // namespace

std::int64_t free_bytes(const fs::path& folder) {
  const auto system = file_system_of(existing_parent(folder));
  if (!system) {
    const int code = errno;
    throw SystemError("Cannot tell the free space of " + folder.string(), errno_text(code),
                      "Check the path and its permissions.");
  }
  return system->free_bytes;
}

void throw_write_failure(const WriteFailure& failure) {
  if (failure.code == ENOSPC) throw_disk_full(failure);
  if (failure.code == EDQUOT) throw_quota_used_up(failure);
  if (failure.code == EFBIG) throw_too_large(failure);
  throw SystemError(failure.problem, errno_text(failure.code), advice_for(failure.code));
}

}  // namespace datus
