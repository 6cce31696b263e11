// SPDX-License-Identifier: Apache-2.0
#include "io/net/curl/answer.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace datus::io_detail {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return lower;
}

/// 0 for what is no number.
template <class Number>
Number number_of(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && number > 0 ? number : 0;
}

}  // namespace

void Answer::read(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    *this = {};
    const auto space = line.find(' ');
    if (space != std::string_view::npos) status = number_of<int>(trimmed(line.substr(space)));
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string name = lower_case(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "etag") {
    if (!value.starts_with("W/")) version = value;
  } else if (name == "last-modified") {
    if (version.empty()) version = value;
  } else if (name == "content-type") {
    type = lower_case(value);
  } else if (name == "content-length") {
    if (total == 0) total = number_of<std::int64_t>(value);
  } else if (name == "content-range" && value.starts_with("bytes ")) {
    // "bytes 100-199/200"
    begin = number_of<std::int64_t>(value.substr(6));
    const auto slash = value.find('/');
    total = slash == std::string_view::npos ? 0 : number_of<std::int64_t>(value.substr(slash + 1));
  }
}

}  // namespace datus::io_detail
