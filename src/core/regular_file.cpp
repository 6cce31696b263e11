// SPDX-License-Identifier: Apache-2.0
#include "datus/core/regular_file.hpp"

#include "datus/core/error.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace datus {
namespace {

[[noreturn]] void throw_unreadable(const std::filesystem::path& path, const std::string& why) {
  throw InputError("Cannot read " + path.string(), why, "Check the path and its permissions.");
}

/// Of what is no regular file.
std::string kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a folder";
  if (S_ISFIFO(mode)) return "it is not a regular file but a pipe";
  if (S_ISSOCK(mode)) return "it is not a regular file but a socket";
  return "it is not a regular file but a device";
}

std::string reason_of(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return "there is no such file";
    case ENXIO:  // what opening one gives
      return kind_of(S_IFSOCK);
    default:
      return errno_text(code);
  }
}

}  // namespace

RegularFile::RegularFile(std::filesystem::path path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

RegularFile::RegularFile(RegularFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_(other.bytes_),
      modified_(other.modified_) {}

RegularFile::~RegularFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<RegularFile> RegularFile::open(const std::filesystem::path& path, std::string& why) {
  // Without O_NONBLOCK a pipe would wait for a writer that never comes. It means nothing to regular files.
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) {
    why = reason_of(errno);
    return std::nullopt;
  }
  RegularFile file(path, descriptor);
  struct ::stat status {};
  if (::fstat(descriptor, &status) != 0) {
    why = errno_text(errno);
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    why = kind_of(status.st_mode);
    return std::nullopt;
  }
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  file.bytes_ = status.st_size;
  file.modified_ = std::int64_t{status.st_mtim.tv_sec} * nanoseconds + status.st_mtim.tv_nsec;
  return file;
}

RegularFile::RegularFile(const std::filesystem::path& path)
    : RegularFile([&] {
        std::string why;
        auto file = open(path, why);
        if (!file) throw_unreadable(path, why);
        return std::move(*file);
      }()) {}

std::size_t RegularFile::read(std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto got = ::read(descriptor_, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_unreadable(path_, errno_text(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::optional<std::string> text_of_file(const std::filesystem::path& path, std::string& why) {
  auto file = RegularFile::open(path, why);
  if (!file) return std::nullopt;
  // Files of /proc say that they are empty, so what can be read counts.
  constexpr std::size_t piece = std::size_t{1} << 16U;
  std::string text;
  try {
    for (std::size_t end = 0, got = piece; got == piece; end += got) {
      text.resize(end + piece);
      got = file->read(std::as_writable_bytes(std::span(text).subspan(end)));
      text.resize(end + got);
    }
  } catch (const InputError&) {
    why = "reading failed";
    return std::nullopt;
  }
  return text;
}

}  // namespace datus
