#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <vector>

namespace datus::io_detail {

/// What the file system says of a regular file.
struct RegularFile {
  std::int64_t bytes = 0;
  std::int64_t modified = 0;  ///< when it was last written, in nanoseconds since 1970
};

/// Asks for it. Throws `InputError` naming the file when it is missing or something else (a folder, a pipe).
[[nodiscard]] RegularFile regular_file(const std::filesystem::path& path);
/// Its size in bytes alone. Throws as `regular_file` does.
[[nodiscard]] std::int64_t regular_file_size(const std::filesystem::path& path);

/// The first `limit` bytes of a regular file, or all of it if it is shorter. Throws `InputError`
/// naming the file.
[[nodiscard]] std::vector<std::uint8_t> read_file_bytes(const std::filesystem::path& path,
                                                        std::int64_t limit = std::numeric_limits<std::int64_t>::max());

/// Writes `bytes` to `path`, replacing what is there. Throws `SystemError` naming the file and the
/// system's reason.
void write_file_bytes(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

}  // namespace datus::io_detail
