// SPDX-License-Identifier: Apache-2.0
#include "datus/io/input_guard.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

#include <sys/stat.h>

namespace datus {
namespace {

std::optional<struct stat> status_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

[[noreturn]] void refuse(const std::filesystem::path& output, const std::string& why) {
  throw UsageError("Cannot write to " + output.string(), why, "Choose another place for the output.");
}

}  // namespace

InputGuard::InputGuard(std::initializer_list<std::filesystem::path> inputs) {
  for (const auto& input : inputs) add(input);
}

void InputGuard::add(const std::filesystem::path& input) {
  const auto status = status_of(input);
  if (!status) return;
  if (S_ISDIR(status->st_mode)) {
    folders_.push_back(std::filesystem::canonical(input));
  } else {
    files_.insert({status->st_dev, status->st_ino});
  }
}

void InputGuard::check(const std::filesystem::path& output) const {
  const auto status = status_of(output);
  if (status && files_.contains({status->st_dev, status->st_ino})) refuse(output, "that is one of the inputs");
  std::error_code unknown;
  const auto place = std::filesystem::weakly_canonical(std::filesystem::absolute(output), unknown);
  if (unknown) return;  // whoever writes there says why it cannot be done
  for (const auto& folder : folders_) {
    if (std::ranges::mismatch(folder, place).in1 == folder.end())
      refuse(output, "it lies in the input " + folder.string());
  }
}

}  // namespace datus
