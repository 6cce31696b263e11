// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace datus::io_detail {

/// A line with content.
struct TextLine {
  std::int64_t number = 0;  ///< from 1
  std::string text;         ///< with the blanks around it
};

/// The lines of a text file without blank ones and those that start with #; a byte-order mark is ignored. Throws
/// `InputError` naming a file that cannot be read.
[[nodiscard]] std::vector<TextLine> read_text_lines(const std::filesystem::path& path);

/// Without spaces, tabs and carriage returns around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// One entry of a list file.
struct ListEntry {
  std::int64_t line = 0;  ///< from 1
  std::string image;      ///< first column, never empty
  std::string truth;      ///< second column, after a tab; empty where there is none
};

/// Reads a text file of one entry per line (see `read_text_lines`): one or two columns separated by a tab, without the
/// blanks around them. Throws `InputError` naming the file, and the line: unreadable, no
/// entry, a third column, an empty first one.
[[nodiscard]] std::vector<ListEntry> read_list_file(const std::filesystem::path& path);

/// "FILE, line 7", for messages.
[[nodiscard]] std::string place_in(const std::filesystem::path& path, std::int64_t line);

}  // namespace datus::io_detail
