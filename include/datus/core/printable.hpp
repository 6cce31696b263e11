// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace datus {

/// `text`, which may hold a name or a value that somebody else chose, as one line that a terminal prints and does not
/// obey: control characters, bytes that are not UTF-8 and marks that turn the direction of writing become "\n", "\t",
/// "\x1b" or "\u202e"; all else stays. What is longer than `longest` bytes is cut, which it says.
[[nodiscard]] std::string printable_line(std::string_view text, std::size_t longest = std::string_view::npos);

}  // namespace datus
