// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace datus {

/// A regular file, open to be read. Opening never waits: a pipe, a socket, a device or a folder in its place is
/// refused.
class RegularFile {
 public:
  /// Throws `InputError` naming the file when it is missing, something else, or not to be read.
  explicit RegularFile(const std::filesystem::path& path);
  ~RegularFile();
  RegularFile(RegularFile&& other) noexcept;
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;
  RegularFile& operator=(RegularFile&&) = delete;

  /// The same for who has words of its own: nothing where it cannot be opened, and `why` says why.
  [[nodiscard]] static std::optional<RegularFile> open(const std::filesystem::path& path, std::string& why);

  /// For system calls.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }
  /// When it was last written, in nanoseconds since 1970.
  [[nodiscard]] std::int64_t modified() const noexcept { return modified_; }

  /// The next bytes, as many as there are room and file. Throws `InputError` when the system cannot read them.
  [[nodiscard]] std::size_t read(std::span<std::byte> bytes);

 private:
  RegularFile(std::filesystem::path path, int descriptor);

  std::filesystem::path path_;
  int descriptor_;
  std::int64_t bytes_ = 0;
  std::int64_t modified_ = 0;
};

/// `text_of_file`, for who says why there is none.
[[nodiscard]] std::optional<std::string> text_of_file(const std::filesystem::path& path, std::string& why);

}  // namespace datus
