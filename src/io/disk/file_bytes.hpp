// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <vector>

namespace datus::io_detail {

/// The first `limit` bytes of a regular file, or all of it if it is shorter. Throws `InputError`
/// naming the file.
[[nodiscard]] std::vector<std::uint8_t> read_file_bytes(const std::filesystem::path& path,
                                                        std::int64_t limit = std::numeric_limits<std::int64_t>::max());

/// Writes `bytes` to `path`, replacing what is there. Throws `SystemError` naming the file and the
/// system's reason.
void write_file_bytes(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

}  // namespace datus::io_detail
