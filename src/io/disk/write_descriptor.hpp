// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/disk_space.hpp"

#include <cerrno>
#include <cstddef>
#include <span>

namespace datus::io_detail {

/// Calls `call` again when a signal interrupted it; signals are how a job learns that it must stop.
template <class Call>
auto retry(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// An open file that is written, or a folder that is synced. What fails is reported by `throw_write_failure`.
class WriteDescriptor {
 public:
  /// Opens `report.file` with these flags of open(2). `report` is what to say of a failure, but for its code.
  WriteDescriptor(int flags, WriteFailure report);
  ~WriteDescriptor();
  WriteDescriptor(const WriteDescriptor&) = delete;
  WriteDescriptor& operator=(const WriteDescriptor&) = delete;
  WriteDescriptor(WriteDescriptor&&) = delete;
  WriteDescriptor& operator=(WriteDescriptor&&) = delete;

  /// Appends all bytes, in as many calls as the system wants.
  void write(std::span<const std::byte> bytes);
  void sync_file();
  void sync_folder();
  /// Closes with the status checked: on network file systems a write error may show up only here.
  void close();

 private:
  [[noreturn]] void fail(int code);

  WriteFailure report_;
  int value_;
};

}  // namespace datus::io_detail
