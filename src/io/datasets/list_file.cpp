// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/list_file.hpp"

#include "datus/core/error.hpp"
#include "io/disk/file_bytes.hpp"

#include <sstream>
#include <string_view>
#include <utility>

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

std::vector<TextLine> read_text_lines(const std::filesystem::path& path) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  const auto bytes = read_file_bytes(path);
  std::string text(bytes.begin(), bytes.end());
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());

  std::vector<TextLine> lines;
  std::istringstream stream(text);
  std::string line;
  for (std::int64_t number = 1; std::getline(stream, line); ++number) {
    if (line.find('\0') != std::string::npos) {
      throw InputError(path.string() + " is not a text file", "line " + std::to_string(number) + " holds a zero byte",
                       "Give a text file in UTF-8, or a folder.");
    }
    const std::string_view content = trimmed(line);
    if (content.empty() || content.starts_with('#')) continue;
    lines.push_back({number, std::move(line)});
  }
  return lines;
}

std::vector<ListEntry> read_list_file(const std::filesystem::path& path) {
  std::vector<ListEntry> entries;
  for (const auto& [number, line] : read_text_lines(path)) {
    const std::string_view content = line;
    const std::size_t tab = content.find('\t');
    const std::string_view image = trimmed(content.substr(0, tab));
    const std::string_view truth =
        trimmed(tab == std::string_view::npos ? std::string_view{} : content.substr(tab + 1));
    if (image.empty() || truth.find('\t') != std::string_view::npos) {
      throw InputError("Wrong columns in " + place_in(path, number),
                       image.empty() ? "the first one is empty" : "there are more than two",
                       "Write an image, and after one tab its ground truth.");
    }
    entries.push_back({number, std::string(image), std::string(truth)});
  }
  if (entries.empty()) {
    throw InputError("The list " + path.string() + " is empty", "it has no line with a path",
                     "Write one image per line.");
  }
  return entries;
}

}  // namespace datus::io_detail
