// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/removed_files.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <system_error>
#include <vector>

namespace datus {

namespace fs = std::filesystem;

void RemovedFiles::remove(const fs::path& file) {
  std::error_code problem;
  if (fs::remove(file, problem)) ++count_;
  if (!problem) return;
  throw SystemError("Cannot remove " + file.string() + ", which the run no longer needs", problem.message(),
                    "Remove it by hand.");
}

void remove_empty_folders(const fs::path& folder) {
  std::error_code problem;
  if (!fs::is_directory(fs::symlink_status(folder, problem))) return;
  std::vector<fs::path> folders = {folder};
  fs::recursive_directory_iterator entry(folder, problem);
  for (; !problem && entry != fs::recursive_directory_iterator(); entry.increment(problem)) {
    std::error_code unknown;
    if (fs::is_directory(entry->symlink_status(unknown))) folders.push_back(entry->path());
  }
  // Those within come behind the one that they are in.
  std::ranges::reverse(folders);
  for (const fs::path& one : folders) fs::remove(one, problem);
}

}  // namespace datus
