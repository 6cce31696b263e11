// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the tests of `datus plan` share: the sample's configuration, and a plan that must not leave a trace.

#include "support/program.hpp"
#include "support/temp_folder.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace datus::test {

/// `datus COMMAND` on the sample, with the run directory `run`.
inline Arguments of_sample(const std::string& command, const Arguments& more = {}) {
  Arguments arguments = {command, source_path("tests/data/sample.yaml").string(), "--run", "run"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Each file below a folder with its bytes and the time of its last change.
using Snapshot = std::map<std::string, std::pair<std::string, std::filesystem::file_time_type>>;

inline Snapshot snapshot_of(const std::filesystem::path& folder) {
  Snapshot files;
  for (const auto& name : files_below(folder)) {
    files[name] = {bytes_of(folder / name), std::filesystem::last_write_time(folder / name)};
  }
  return files;
}

/// A plan of the sample in `folder`; an error unless it succeeds and changes nothing.
inline std::string plan(const std::filesystem::path& folder, const Arguments& more = {}, int ranks = 0) {
  const Snapshot before = snapshot_of(folder);
  const Outcome outcome = run_program(of_sample("plan", more), {.folder = folder, .ranks = ranks});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_TRUE(snapshot_of(folder) == before) << "the plan changed files";
  return outcome.out;
}

}  // namespace datus::test
