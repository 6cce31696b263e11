// SPDX-License-Identifier: Apache-2.0
#include "io/net/curl/part_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/disk_space.hpp"
#include "io/disk/write_descriptor.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;

fs::path beside(const fs::path& final_path, const std::string& ending) {
  return final_path.parent_path() / ("." + final_path.filename().string() + ending);
}

}  // namespace

PartFile::PartFile(const fs::path& final_path)
    : final_path_(final_path),
      path_(beside(final_path, ".part")),
      version_path_(beside(final_path, ".part.of")),
      descriptor_(retry([&] {
        return ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
      })) {
  if (descriptor_ < 0) fail(errno);
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0 || !S_ISREG(facts.st_mode) ||
      retry([&] { return ::flock(descriptor_, LOCK_EX | LOCK_NB); }) != 0) {
    ::close(descriptor_);
    throw SystemError("Cannot write " + path_.string(),
                      S_ISREG(facts.st_mode) ? "another process downloads it" : "it is no file",
                      "Wait for its end, or remove it.");
  }
  bytes_ = facts.st_size;
  std::string unknown;
  if (bytes_ > 0) version_ = text_of_file(version_path_, unknown).value_or("");
}

PartFile::~PartFile() {
  ::close(descriptor_);
}

void PartFile::begin(const std::string& version) {
  if (retry([&] { return ::ftruncate(descriptor_, 0); }) != 0) fail(errno);
  bytes_ = 0;
  version_ = version;
  write_text_atomically(version_path_, version);
}

void PartFile::append(std::string_view content) {
  while (!content.empty()) {
    const auto written = retry([&] { return ::write(descriptor_, content.data(), content.size()); });
    if (written <= 0) fail(written < 0 ? errno : EIO);
    content.remove_prefix(static_cast<std::size_t>(written));
    bytes_ += written;
  }
}

void PartFile::finish() {
  if (retry([&] { return ::fsync(descriptor_); }) != 0) fail(errno);
  if (::rename(path_.c_str(), final_path_.c_str()) != 0) fail(errno);
  WriteDescriptor(O_RDONLY | O_DIRECTORY, {"Cannot bring to disk the folder", final_path_.parent_path()}).sync_folder();
  std::error_code ignored;
  fs::remove(version_path_, ignored);
}

void PartFile::discard() {
  std::error_code ignored;
  fs::remove(path_, ignored);
  fs::remove(version_path_, ignored);
}

void PartFile::fail(int code) const {
  throw_write_failure({"Cannot write " + path_.string(), path_, code});
}

}  // namespace datus::io_detail
