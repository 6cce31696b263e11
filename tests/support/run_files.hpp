// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a run directory holds: the files that must be the same however the run came about, and those that tell of jobs.

#include "support/temp_folder.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace datus::test {

/// Bytes by relative name.
using Contents = std::map<std::string, std::string>;

/// Whether it is a file that never got its final name.
inline bool is_unfinished(const std::string& name) {
  const std::string last = std::filesystem::path(name).filename().string();
  return last.starts_with(".") && last.find(".tmp-") != std::string::npos;
}

/// Whether a file is gone when a run has ended well.
inline bool is_left_over(const std::string& name) {
  return is_unfinished(name) || name.starts_with("claims/") || name == "lock" || name == "clusters/checkpoint.h5";
}

/// Whether a file tells of a job (when, how often, on how many ranks) rather than of the result.
inline bool tells_of_a_job(const std::string& name) {
  return name.starts_with("log/") || name == "summary.json" || name == "summary.js" || name == "state.json";
}

/// The files that are the same for every run of one configuration.
inline Contents results_of(const std::filesystem::path& run) {
  Contents contents;
  for (const std::string& name : files_below(run)) {
    if (!is_left_over(name) && !tells_of_a_job(name)) contents[name] = bytes_of(run / name);
  }
  return contents;
}

/// Files under a final name that are not what they are in the undisturbed run; one phrase each.
inline std::vector<std::string> damage(const Contents& results, const Contents& reference) {
  std::vector<std::string> found;
  for (const auto& [name, bytes] : results) {
    const auto wanted = reference.find(name);
    if (wanted == reference.end()) {
      found.push_back(name + " is not in the undisturbed run");
    } else if (wanted->second != bytes) {
      found.push_back(name + " differs");
    }
  }
  return found;
}

/// What is wrong with a run that has ended well: damage, missing files, and what should be gone.
inline std::vector<std::string> differences(const std::filesystem::path& run, const Contents& reference) {
  const Contents results = results_of(run);
  std::vector<std::string> found = damage(results, reference);
  for (const auto& [name, bytes] : reference) {
    if (!results.contains(name)) found.push_back(name + " is missing");
  }
  for (const std::string& name : files_below(run)) {
    if (is_left_over(name)) found.push_back(name + " is left over");
  }
  if (std::filesystem::exists(run / "claims")) found.emplace_back("the folder claims is left over");
  return found;
}

inline std::string joined_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace datus::test
