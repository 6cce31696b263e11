// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <initializer_list>
#include <set>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace datus {

/// What a command reads, which nothing that it writes may touch: files, by what they are and not by their name, so also
/// through links of both kinds; folders, with all that lies in them.
class InputGuard {
 public:
  InputGuard() = default;
  /// A path that is not there is left to those who read it.
  InputGuard(std::initializer_list<std::filesystem::path> inputs);

  void add(const std::filesystem::path& input);

  /// Throws `UsageError` when `output`, which need not exist, is one of the inputs or lies in one.
  void check(const std::filesystem::path& output) const;

 private:
  std::set<std::pair<dev_t, ino_t>> files_;
  std::vector<std::filesystem::path> folders_;
};

}  // namespace datus
