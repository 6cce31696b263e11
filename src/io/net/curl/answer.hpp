// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace datus::io_detail {

/// What the headers of an HTTP answer say of its content.
struct Answer {
  int status = 0;
  std::string version = {};  ///< ETag, or else Last-Modified: what If-Range takes; empty for a weak ETag
  std::string type = {};     ///< Content-Type
  std::int64_t begin = 0;    ///< where the content begins in the file
  std::int64_t total = 0;    ///< bytes of the whole file; 0: not said

  /// Takes a line of the headers; a status line begins a new answer, as after a redirect.
  void read(std::string_view line);
};

}  // namespace datus::io_detail
