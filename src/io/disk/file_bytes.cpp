#include "io/disk/file_bytes.hpp"

#include "datus/core/error.hpp"
#include "io/disk/write_descriptor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

namespace datus::io_detail {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] void throw_unreadable(const std::filesystem::path& path, const std::string& why) {
  throw InputError("Cannot read " + path.string(), why, "Check the path and its permissions.");
}

}  // namespace

RegularFile regular_file(const std::filesystem::path& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const bool is_missing = errno == ENOENT || errno == ENOTDIR;
    throw_unreadable(path, is_missing ? "there is no such file" : errno_text(errno));
  }
  // Opening a pipe would wait for a writer that never comes.
  if (!S_ISREG(status.st_mode)) throw_unreadable(path, "it is not a regular file");
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  return {.bytes = status.st_size,
          .modified = std::int64_t{status.st_mtim.tv_sec} * nanoseconds + status.st_mtim.tv_nsec};
}

std::int64_t regular_file_size(const std::filesystem::path& path) {
  return regular_file(path).bytes;
}

std::vector<std::uint8_t> read_file_bytes(const std::filesystem::path& path, std::int64_t limit) {
  const std::int64_t size = std::min(regular_file_size(path), limit);
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) throw_unreadable(path, errno_text(errno));
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  if (std::fread(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
    throw_unreadable(path, std::ferror(file.get()) != 0 ? errno_text(errno) : "it shrank while it was read");
  }
  return bytes;
}

void write_file_bytes(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  WriteDescriptor file(
      O_WRONLY | O_CREAT | O_TRUNC,
      {.problem = "Cannot write " + path.string(), .file = path, .needed = static_cast<std::int64_t>(bytes.size())});
  file.write(std::as_bytes(bytes));
  file.close();
}

}  // namespace datus::io_detail
