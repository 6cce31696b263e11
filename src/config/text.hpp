// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// `text` as a YAML scalar that reads back as the same string: plain where it is safe, else in
/// double quotes.
[[nodiscard]] std::string yaml_string(std::string_view text);

/// The words of `text` in lines of at most `width` characters, each starting with `prefix`, ended
/// by a newline.
[[nodiscard]] std::string wrapped(std::string_view text, std::string_view prefix, std::size_t width);

/// The parts with `separator` between them.
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view separator);

/// The parts as a YAML list: "[a, b]".
[[nodiscard]] std::string bracketed(const std::vector<std::string>& parts);

/// The candidate that `word` is most likely a misspelling of (fewest edits, at most a third of its
/// length), or empty.
[[nodiscard]] std::string closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace datus
