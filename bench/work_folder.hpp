// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include <unistd.h>

namespace datus::bench {

/// A folder of its own below another one, of which nothing is left.
class WorkFolder {
 public:
  WorkFolder(const std::filesystem::path& below, const std::string& name)
      : folder_(below / (name + "-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  WorkFolder(WorkFolder&&) = delete;
  WorkFolder& operator=(WorkFolder&&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

}  // namespace datus::bench
