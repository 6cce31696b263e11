// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace datus::io_detail {

/// Counts what a folder of images holds besides them.
class LeftOut {
 public:
  /// By its ending, in lower case.
  void add_file(std::string_view name);
  /// By what it is, for example "hidden folder".
  void add(const std::string& thing) { ++count_of_[thing]; }

  /// "3 .gif, 1 .tif, 2 @eaDir folders", the most frequent first; empty for nothing. Without what usually lies beside
  /// images (texts, tables, settings, results of datus), unless `all`.
  [[nodiscard]] std::string text(bool all) const;

 private:
  std::map<std::string, std::int64_t> count_of_;
};

}  // namespace datus::io_detail
