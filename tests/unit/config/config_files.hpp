// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

using Overrides = std::vector<std::string>;

/// A folder of its own for each test, removed at the end.
class ConfigFiles : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TempFolder folder_;
};

/// The message of the usage error that `body` throws; empty, and a failed test, when it throws
/// none.
template <class Body>
std::string usage_error(Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::usage);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

/// Likewise for a configuration made of overrides only.
inline std::string override_error(const Overrides& overrides) {
  return usage_error([&] { (void)default_config(overrides); });
}

}  // namespace datus::test
