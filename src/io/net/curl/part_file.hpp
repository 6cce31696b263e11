// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace datus::io_detail {

/// The unfinished file of a download, `.NAME.part`, and beside it, in `.NAME.part.of`, which version of the server's
/// file it is a part of. Locked while it is open: two downloads of one file would write through each other. Every
/// function throws `SystemError` naming the file when the system refuses.
class PartFile {
 public:
  /// Opens what is there, or makes it; an error where another process has it.
  explicit PartFile(const std::filesystem::path& final_path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  PartFile(PartFile&&) = delete;
  PartFile& operator=(PartFile&&) = delete;

  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }
  /// The ETag or date of the version that it is a part of; empty where that is not known.
  [[nodiscard]] const std::string& version() const noexcept { return version_; }
  /// Drops the content; what comes now is of this version.
  void begin(const std::string& version);
  void append(std::string_view content);
  /// Syncs it and gives it its final name.
  void finish();
  /// Removes it.
  void discard();

 private:
  [[noreturn]] void fail(int code) const;

  std::filesystem::path final_path_;
  std::filesystem::path path_;
  std::filesystem::path version_path_;
  int descriptor_;
  std::int64_t bytes_ = 0;
  std::string version_;
};

}  // namespace datus::io_detail
