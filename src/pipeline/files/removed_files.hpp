// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace datus {

/// Removes files and counts those that were there.
class RemovedFiles {
 public:
  /// Nothing happens when there is none. Throws `SystemError` naming it when it cannot be removed.
  void remove(const std::filesystem::path& file);
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  std::int64_t count_ = 0;
};

/// Removes a folder and those below it, as far as they are empty. One that cannot be removed stays.
void remove_empty_folders(const std::filesystem::path& folder);

}  // namespace datus
