// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// Bytes that an ordinary user can still write below `folder`, or below its nearest parent that exists. Quotas are not
/// seen. Throws `SystemError` naming the folder when the system does not say.
[[nodiscard]] std::int64_t free_bytes(const std::filesystem::path& folder);

/// A system call on a file being written that failed.
struct WriteFailure {
  std::string problem;                      ///< "Cannot write … of FILE"
  std::filesystem::path file;               ///< being written; what it takes already is going to be free again
  int code = 0;                             ///< the value of `errno`
  std::optional<std::int64_t> needed = {};  ///< bytes that the whole file takes at least
};

/// How every writer reports that the system refused: throws `SystemError` with the reason and what to do about it; for
/// a full disk and a used-up quota also with the bytes needed and free.
[[noreturn]] void throw_write_failure(const WriteFailure& failure);

}  // namespace datus
