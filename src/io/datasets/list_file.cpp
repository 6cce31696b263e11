// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/list_file.hpp"

#include "datus/core/error.hpp"
#include "datus/core/regular_file.hpp"
#include "datus/core/stop_signals.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace datus::io_detail {
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string place_in(const std::filesystem::path& path, std::int64_t line) {
  return path.string() + ", line " + std::to_string(line);
}

void visit_text_lines(const std::filesystem::path& path,
                      const std::function<void(std::int64_t number, std::string_view line)>& body) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  constexpr std::size_t longest = std::size_t{1} << 16U;
  RegularFile file(path);
  std::int64_t number = 0;
  const auto refuse = [&](const std::string& why) {
    throw InputError(path.string() + " is not a text file", "line " + std::to_string(number) + why,
                     "Give a text file in UTF-8, or a folder.");
  };
  const auto take = [&](std::string_view line) {
    ++number;
    if (number == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
    if (line.size() > longest) refuse(" is longer than 64 KiB");
    if (line.find('\0') != std::string_view::npos) refuse(" holds a zero byte");
    const std::string_view content = trimmed(line);
    if (!content.empty() && !content.starts_with('#')) body(number, line);
  };
  // What was read and not yet taken is less than a line, and a piece.
  std::string text;
  std::vector<char> piece(longest);
  while (const std::size_t got = file.read(std::as_writable_bytes(std::span(piece)))) {
    text.append(piece.data(), got);
    std::string_view rest = text;
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      take(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if (rest.size() > longest) take(rest);
    text.erase(0, text.size() - rest.size());
  }
  if (!text.empty()) take(text);
}

void visit_list_file(const std::filesystem::path& path, const std::function<void(const ListEntry& entry)>& body) {
  bool is_empty = true;
  visit_text_lines(path, [&](std::int64_t number, std::string_view line) {
    give_up_when_asked("reading the list");
    const std::size_t tab = line.find('\t');
    const std::string_view image = trimmed(line.substr(0, tab));
    const std::string_view truth = trimmed(tab == std::string_view::npos ? std::string_view{} : line.substr(tab + 1));
    if (image.empty() || truth.find('\t') != std::string_view::npos) {
      throw InputError("Wrong columns in " + place_in(path, number),
                       image.empty() ? "the first one is empty" : "there are more than two",
                       "Write an image, and after one tab its ground truth.");
    }
    is_empty = false;
    body({number, std::string(image), std::string(truth)});
  });
  if (!is_empty) return;
  throw InputError("The list " + path.string() + " is empty", "it has no line with a path",
                   "Write one image per line.");
}

}  // namespace datus::io_detail
