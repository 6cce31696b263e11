#include "io/disk/file_bytes.hpp"

#include "datus/core/error.hpp"
#include "io/disk/write_descriptor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>

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

std::int64_t regular_file_size(const std::filesystem::path& path) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found) throw_unreadable(path, "there is no such file");
  if (failure) throw_unreadable(path, failure.message());
  // Opening a pipe would wait for a writer that never comes.
  if (!std::filesystem::is_regular_file(status)) throw_unreadable(path, "it is not a regular file");
  const auto size = std::filesystem::file_size(path, failure);
  if (failure) throw_unreadable(path, failure.message());
  return static_cast<std::int64_t>(size);
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
