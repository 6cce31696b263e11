// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace datus {

/// `text` of a file for a message: characters that would garble or end it replaced, and cut where it
/// is too long to read.
[[nodiscard]] inline std::string printable(const std::string& text, std::size_t longest = 200) {
  std::string result = text.substr(0, longest);
  std::ranges::replace_if(
      result, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text.size() > longest ? result + "..." : result;
}

/// The error of every reader of weights: the file is not what it claims to be. `why` may hold names as
/// the file has them.
[[noreturn]] inline void throw_damaged(const std::string& source, const std::string& why) {
  constexpr std::size_t longest = 1000;
  throw InputError("cannot read the weights file " + source, printable(why, longest),
                   "Download or save the file again.");
}

}  // namespace datus
