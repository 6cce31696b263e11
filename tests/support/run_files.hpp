#pragma once

// The files of a run, to compare two runs of one configuration.

#include "support/temp_folder.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

/// Whether a file tells of the job that made it: those may differ between runs of one configuration.
inline bool tells_of_the_job(const std::string& name) {
  return name == "summary.json" || name.starts_with("log/");
}

/// Relative names and bytes of what must be equal.
inline std::map<std::string, std::string> contents_of(const std::filesystem::path& run) {
  std::map<std::string, std::string> contents;
  for (const auto& name : files_below(run)) {
    if (!tells_of_the_job(name)) contents[name] = bytes_of(run / name);
  }
  return contents;
}

/// One phrase per file that is missing, extra or differs.
inline std::vector<std::string> differences(const std::map<std::string, std::string>& run,
                                            const std::map<std::string, std::string>& reference) {
  std::vector<std::string> all;
  for (const auto& [name, bytes] : reference) {
    const auto found = run.find(name);
    if (found == run.end()) {
      all.push_back(name + " is missing");
    } else if (found->second != bytes) {
      all.push_back(name + " differs");
    }
  }
  for (const auto& [name, bytes] : run) {
    if (!reference.contains(name)) all.push_back(name + " is extra");
  }
  return all;
}

inline void expect_equal(const std::map<std::string, std::string>& run,
                         const std::map<std::string, std::string>& reference) {
  for (const auto& difference : differences(run, reference)) ADD_FAILURE() << difference;
}

}  // namespace datus::test
