#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace datus {

/// A whole file mapped into memory for reading.
class MappedFile {
 public:
  /// Throws `InputError` naming the path when it cannot be opened, is not a regular file or is
  /// empty.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace datus
