// SPDX-License-Identifier: Apache-2.0
#include "config/text.hpp"

#include <algorithm>
#include <numeric>
#include <sstream>

namespace datus {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Whether YAML reads the text as this very string without quotes.
bool is_plain(std::string_view text) {
  if (text.empty() || !(is_letter(text.front()) || text.front() == '/' || text.front() == '_')) {
    return false;
  }
  const auto is_safe = [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || std::string_view("/_.-+").find(c) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), is_safe)) return false;
  for (const std::string_view word : {"null", "Null", "NULL", "true", "false", "yes", "no", "on", "off"}) {
    if (text == word) return false;
  }
  return true;
}

/// Levenshtein's distance: insertions, deletions and replacements that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string yaml_string(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.append({'\\', c});
    } else if (code < 0x20U || code == 0x7FU) {
      quoted.append({'\\', 'x', digits[code >> 4U], digits[code & 0xFU]});
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + '"';
}

std::string wrapped(std::string_view text, std::string_view prefix, std::size_t width) {
  std::istringstream words{std::string(text)};
  std::string result;
  std::string line;
  for (std::string word; words >> word;) {
    if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > width) {
      result.append(prefix).append(line).push_back('\n');
      line.clear();
    }
    line.append(line.empty() ? "" : " ").append(word);
  }
  return result.append(prefix).append(line) + '\n';
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : separator).append(part);
  return text;
}

std::string bracketed(const std::vector<std::string>& parts) {
  return std::string("[").append(joined(parts, ", ")).append("]");
}

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
  std::size_t best = (word.size() + 2) / 3 + 1;
  std::string result;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      result = candidate;
    }
  }
  return result;
}

}  // namespace datus
