// SPDX-License-Identifier: Apache-2.0
// libdatus_recorder.so, to be preloaded: writes down what a program does to the files below a folder
// (record_format.hpp). The program does not notice but for the time that it takes.

#include "crash_states/record_format.hpp"
#include "support/faults/forward.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace datus::crash {
namespace {

using faults::DescriptorPath;

/// Keeps errno as the program is to see it.
class KeptErrno {
 public:
  KeptErrno() : value_(errno) {}
  ~KeptErrno() { errno = value_; }
  KeptErrno(const KeptErrno&) = delete;
  KeptErrno& operator=(const KeptErrno&) = delete;
  KeptErrno(KeptErrno&&) = delete;
  KeptErrno& operator=(KeptErrno&&) = delete;

 private:
  int value_;
};

bool is_below_root(std::string_view path) {
  static const char* const root = std::getenv("DATUS_RECORD_ROOT");
  if (root == nullptr || !path.starts_with(root)) return false;
  path.remove_prefix(std::strlen(root));
  return path.empty() || path.front() == '/';
}

/// A path of the program as one from the root of the file system.
class FullPath {
 public:
  FullPath(int folder, const char* path) {
    if (path == nullptr) return;
    std::size_t size = 0;
    if (*path != '/') {
      if (folder == AT_FDCWD) {
        const long length = ::syscall(SYS_getcwd, text_.data(), text_.size());
        size = length > 0 ? static_cast<std::size_t>(length) - 1 : 0;
      } else {
        size = static_cast<std::size_t>(std::snprintf(text_.data(), text_.size(), "%s", DescriptorPath(folder).get()));
      }
      text_.at(size++) = '/';
    }
    (void)std::snprintf(text_.data() + size, text_.size() - size, "%s", path);
  }
  explicit FullPath(const char* path) : FullPath(AT_FDCWD, path) {}
  [[nodiscard]] const char* get() const { return text_.data(); }
  [[nodiscard]] bool counts() const { return is_below_root(text_.data()); }

 private:
  std::array<char, 8192> text_{};
};

std::uint64_t inode_of(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 ? status.st_ino : 0;
}

std::uint64_t inode_of(const char* path) {
  struct stat status {};
  return ::lstat(path, &status) == 0 ? status.st_ino : 0;
}

/// Open for as long as a call is made and written down: the lock on the file lets no other call come between, of
/// this process or another one, so that the order of the record is that of the calls.
class Record {
 public:
  explicit Record(bool wanted) {
    const KeptErrno kept;
    static const char* const path = std::getenv("DATUS_RECORD");
    if (!wanted || path == nullptr) return;
    file_ = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    while (file_ >= 0 && ::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Record() {
    const KeptErrno kept;
    if (file_ >= 0) ::syscall(SYS_close, file_);
  }
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  Record(Record&&) = delete;
  Record& operator=(Record&&) = delete;

  void add(RecordHeader header, std::string_view path, std::string_view other = {}, const iovec* data = nullptr,
           int pieces = 0) const {
    const KeptErrno kept;
    if (file_ < 0) return;
    header.path_size = static_cast<std::uint32_t>(path.size());
    header.other_size = static_cast<std::uint32_t>(other.size());
    append(&header, sizeof header);
    append(path.data(), path.size());
    append(other.data(), other.size());
    std::size_t left = header.data_size;
    for (int i = 0; i < pieces && left > 0; ++i) {
      const std::size_t size = std::min(left, data[i].iov_len);
      append(data[i].iov_base, size);
      left -= size;
    }
  }

 private:
  /// A record with a hole is worth nothing: the process ends, and the test with it.
  void append(const void* bytes, std::size_t size) const {
    const char* place = static_cast<const char*>(bytes);
    while (size > 0) {
      const long written = ::syscall(SYS_write, file_, place, size);
      if (written <= 0) std::abort();
      place += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  int file_ = -1;
};

template <class Forward>
int opened(const FullPath& path, int flags, const Forward& forward) {
  const bool changes = (flags & (O_CREAT | O_TRUNC)) != 0;
  const Record record(changes && path.counts());
  const bool was_there = changes && inode_of(path.get()) != 0;
  const int file = forward();
  if (file < 0 || !changes) return file;
  if (!was_there) {
    record.add({.call = Call::create, .inode = inode_of(file)}, path.get());
  } else if ((flags & O_TRUNC) != 0) {
    record.add({.call = Call::truncate, .inode = inode_of(file)}, path.get());
  }
  return file;
}

template <class Forward>
std::FILE* opened_stream(const char* name, const char* mode, const Forward& forward) {
  const FullPath path(name);
  std::FILE* stream = nullptr;
  const int flags = *mode == 'r' ? 0 : *mode == 'w' ? O_CREAT | O_TRUNC : O_CREAT;
  (void)opened(path, flags, [&] {
    stream = forward();
    return stream == nullptr ? -1 : ::fileno(stream);
  });
  return stream;
}

/// `offset` of -1: where the descriptor stands.
template <class Forward>
ssize_t written(int descriptor, const iovec* data, int pieces, std::int64_t offset, const Forward& forward) {
  const DescriptorPath path(descriptor);
  const Record record(is_below_root(path.get()));
  const ssize_t size = forward();
  if (size <= 0 || !is_below_root(path.get())) return size;
  const KeptErrno kept;
  if (offset < 0) offset = ::lseek(descriptor, 0, SEEK_CUR) - size;
  record.add({.call = Call::write,
              .inode = inode_of(descriptor),
              .offset = offset,
              .data_size = static_cast<std::uint64_t>(size)},
             path.get(), {}, data, pieces);
  return size;
}

template <class Forward>
int changed(Call call, int descriptor, std::int64_t size, const Forward& forward) {
  const DescriptorPath path(descriptor);
  const Record record(is_below_root(path.get()));
  const int result = forward();
  if (result == 0) record.add({.call = call, .inode = inode_of(descriptor), .offset = size}, path.get());
  return result;
}

template <class Forward>
int moved(Call call, const FullPath& from, const FullPath& to, const Forward& forward) {
  const Record record(from.counts() || to.counts());
  const int result = forward();
  if (result == 0) record.add({.call = call}, from.get(), to.get());
  return result;
}

template <class Forward>
int removed(const FullPath& path, const Forward& forward) {
  const Record record(path.counts());
  const int result = forward();
  if (result == 0) record.add({.call = Call::remove}, path.get());
  return result;
}

template <class Forward>
int folder_made(const FullPath& path, const Forward& forward) {
  const Record record(path.counts());
  const int result = forward();
  if (result == 0) record.add({.call = Call::make_folder, .inode = inode_of(path.get())}, path.get());
  return result;
}

}  // namespace
}  // namespace datus::crash

using datus::crash::Call;
using datus::crash::FullPath;
using datus::faults::next;

#define DATUS_HOOK_OPEN(name)                                                                    \
  DATUS_HOOK int name(const char* path, int flags, ...) {                                        \
    DATUS_READ_MODE(flags, mode)                                                                 \
    static const auto real = next<int(const char*, int, ...)>(#name);                            \
    return datus::crash::opened(FullPath(path), flags, [&] { return real(path, flags, mode); }); \
  }
DATUS_HOOK_OPEN(open)
DATUS_HOOK_OPEN(open64)

#define DATUS_HOOK_OPENAT(name)                                                                                  \
  DATUS_HOOK int name(int folder, const char* path, int flags, ...) {                                            \
    DATUS_READ_MODE(flags, mode)                                                                                 \
    static const auto real = next<int(int, const char*, int, ...)>(#name);                                       \
    return datus::crash::opened(FullPath(folder, path), flags, [&] { return real(folder, path, flags, mode); }); \
  }
DATUS_HOOK_OPENAT(openat)
DATUS_HOOK_OPENAT(openat64)

#define DATUS_HOOK_CREAT(name)                                                                        \
  DATUS_HOOK int name(const char* path, mode_t mode) {                                                \
    static const auto real = next<int(const char*, mode_t)>(#name);                                   \
    return datus::crash::opened(FullPath(path), O_CREAT | O_TRUNC, [&] { return real(path, mode); }); \
  }
DATUS_HOOK_CREAT(creat)
DATUS_HOOK_CREAT(creat64)

#define DATUS_HOOK_FOPEN(name)                                                        \
  DATUS_HOOK std::FILE* name(const char* path, const char* mode) {                    \
    static const auto real = next<std::FILE*(const char*, const char*)>(#name);       \
    return datus::crash::opened_stream(path, mode, [&] { return real(path, mode); }); \
  }
DATUS_HOOK_FOPEN(fopen)
DATUS_HOOK_FOPEN(fopen64)

DATUS_HOOK ssize_t write(int descriptor, const void* bytes, std::size_t size) {
  static const auto real = next<ssize_t(int, const void*, std::size_t)>("write");
  const iovec piece{const_cast<void*>(bytes), size};
  return datus::crash::written(descriptor, &piece, 1, -1, [&] { return real(descriptor, bytes, size); });
}

DATUS_HOOK ssize_t writev(int descriptor, const iovec* pieces, int count) {
  static const auto real = next<ssize_t(int, const iovec*, int)>("writev");
  return datus::crash::written(descriptor, pieces, count, -1, [&] { return real(descriptor, pieces, count); });
}

#define DATUS_HOOK_PWRITE(name, offset_type)                                                         \
  DATUS_HOOK ssize_t name(int descriptor, const void* bytes, std::size_t size, offset_type offset) { \
    static const auto real = next<ssize_t(int, const void*, std::size_t, offset_type)>(#name);       \
    const iovec piece{const_cast<void*>(bytes), size};                                               \
    return datus::crash::written(descriptor, &piece, 1, offset,                                      \
                                 [&] { return real(descriptor, bytes, size, offset); });             \
  }
DATUS_HOOK_PWRITE(pwrite, off_t)
DATUS_HOOK_PWRITE(pwrite64, off64_t)

#define DATUS_HOOK_TRUNCATE(name, offset_type)                                                              \
  DATUS_HOOK int name(int descriptor, offset_type size) noexcept {                                          \
    static const auto real = next<int(int, offset_type)>(#name);                                            \
    return datus::crash::changed(Call::truncate, descriptor, size, [&] { return real(descriptor, size); }); \
  }
DATUS_HOOK_TRUNCATE(ftruncate, off_t)
DATUS_HOOK_TRUNCATE(ftruncate64, off64_t)

DATUS_HOOK int fsync(int descriptor) {
  static const auto real = next<int(int)>("fsync");
  return datus::crash::changed(Call::sync, descriptor, 0, [&] { return real(descriptor); });
}

DATUS_HOOK int fdatasync(int descriptor) {
  static const auto real = next<int(int)>("fdatasync");
  return datus::crash::changed(Call::sync, descriptor, 0, [&] { return real(descriptor); });
}

DATUS_HOOK int syncfs(int descriptor) noexcept {
  static const auto real = next<int(int)>("syncfs");
  return datus::crash::changed(Call::sync_all, descriptor, 0, [&] { return real(descriptor); });
}

DATUS_HOOK int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int(const char*, const char*)>("rename");
  return datus::crash::moved(Call::rename, FullPath(from), FullPath(to), [&] { return real(from, to); });
}

DATUS_HOOK int renameat(int folder, const char* from, int to_folder, const char* to) noexcept {
  static const auto real = next<int(int, const char*, int, const char*)>("renameat");
  return datus::crash::moved(Call::rename, FullPath(folder, from), FullPath(to_folder, to),
                             [&] { return real(folder, from, to_folder, to); });
}

DATUS_HOOK int link(const char* from, const char* to) noexcept {
  static const auto real = next<int(const char*, const char*)>("link");
  return datus::crash::moved(Call::link, FullPath(from), FullPath(to), [&] { return real(from, to); });
}

#define DATUS_HOOK_REMOVE(name)                                               \
  DATUS_HOOK int name(const char* path) noexcept {                            \
    static const auto real = next<int(const char*)>(#name);                   \
    return datus::crash::removed(FullPath(path), [&] { return real(path); }); \
  }
DATUS_HOOK_REMOVE(unlink)
DATUS_HOOK_REMOVE(rmdir)
DATUS_HOOK_REMOVE(remove)

DATUS_HOOK int unlinkat(int folder, const char* path, int flags) noexcept {
  static const auto real = next<int(int, const char*, int)>("unlinkat");
  return datus::crash::removed(FullPath(folder, path), [&] { return real(folder, path, flags); });
}

DATUS_HOOK int mkdir(const char* path, mode_t mode) noexcept {
  static const auto real = next<int(const char*, mode_t)>("mkdir");
  return datus::crash::folder_made(FullPath(path), [&] { return real(path, mode); });
}
