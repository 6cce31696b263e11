// SPDX-License-Identifier: Apache-2.0
#include "io/disk/write_descriptor.hpp"

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace datus::io_detail {

WriteDescriptor::WriteDescriptor(int flags, WriteFailure report)
    : report_(std::move(report)), value_(retry([&] { return ::open(report_.file.c_str(), flags | O_CLOEXEC, 0666); })) {
  if (value_ < 0) fail(errno);
}

WriteDescriptor::~WriteDescriptor() {
  if (value_ >= 0) ::close(value_);
}

void WriteDescriptor::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = retry([&] { return ::write(value_, bytes.data(), bytes.size()); });
    if (written <= 0) fail(written < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void WriteDescriptor::sync_file() {
  if (retry([&] { return ::fsync(value_); }) != 0) fail(errno);
}

void WriteDescriptor::sync_folder() {
  // Some network file systems have no sync of a folder and say EINVAL: their renames are the server's business.
  if (retry([&] { return ::fsync(value_); }) != 0 && errno != EINVAL) fail(errno);
}

void WriteDescriptor::close() {
  // Linux has closed the file also when it was interrupted.
  if (::close(std::exchange(value_, -1)) != 0 && errno != EINTR) fail(errno);
}

void WriteDescriptor::fail(int code) {
  report_.code = code;
  throw_write_failure(report_);
}

}  // namespace datus::io_detail
