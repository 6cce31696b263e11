// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace datus {

/// A whole file mapped into memory for reading. Pages take memory from when they are read until they are
/// released.
class MappedFile {
 public:
  /// Throws `InputError` naming the path when it cannot be opened, is not a regular file or is
  /// empty.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Whether `part` lies in the mapped bytes.
  [[nodiscard]] bool holds(std::span<const std::byte> part) const noexcept;
  /// Gives back the memory of the pages that lie wholly inside of `part`. They can still be read: the
  /// system then takes them from the file (or its cache) again. Nothing happens for other bytes.
  void release(std::span<const std::byte> part) const noexcept;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace datus
