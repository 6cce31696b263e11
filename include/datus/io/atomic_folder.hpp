// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace datus {

/// A folder that appears under its final name only when all of it is written and on disk: who looks there never sees a
/// part, whenever the process was killed. It is filled as `.NAME.tmp-PID` beside the final place, so that relative
/// links out of it mean the same in both.
class AtomicFolder {
 public:
  /// Makes the temporary folder, and the folders above it. Throws `UsageError` when something other than an empty
  /// folder has the final name: what is there may be anybody's. Throws `SystemError` naming the path when the system
  /// refuses.
  explicit AtomicFolder(const std::filesystem::path& final_path);
  /// Removes the temporary folder unless it was committed.
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  AtomicFolder(AtomicFolder&&) = delete;
  AtomicFolder& operator=(AtomicFolder&&) = delete;

  /// Where to write.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return temporary_path_; }
  [[nodiscard]] const std::filesystem::path& final_path() const noexcept { return final_path_; }

  /// Brings the file system of the folder to disk, at once for all files, and gives the folder its final name. Throws
  /// `SystemError` naming the path.
  void commit();

 private:
  std::filesystem::path final_path_;
  std::filesystem::path temporary_path_;
  bool committed_ = false;
};

}  // namespace datus
