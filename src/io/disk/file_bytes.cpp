// SPDX-License-Identifier: Apache-2.0
#include "io/disk/file_bytes.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "io/disk/write_descriptor.hpp"

#include <algorithm>
#include <string>

#include <fcntl.h>

namespace datus::io_detail {
std::vector<std::uint8_t> read_file_bytes(const std::filesystem::path& path, std::int64_t limit) {
  RegularFile file(path);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(std::min(file.bytes(), limit)));
  if (file.read(std::as_writable_bytes(std::span(bytes))) != bytes.size()) {
    throw InputError("Cannot read " + path.string(), "it shrank while it was read", "Let nobody write it meanwhile.");
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
