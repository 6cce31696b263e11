// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace datus::io_detail {

/// Calls `body(number, line)` for each line of a text file but blank ones and those that start with #, with the blanks
/// around it; numbers are from 1. A byte-order mark is ignored. Throws `InputError` naming a file that cannot be read,
/// and the line that holds a zero byte or is longer than 64 KiB: one without end is no text.
void visit_text_lines(const std::filesystem::path& path,
                      const std::function<void(std::int64_t number, std::string_view line)>& body);

/// Without spaces, tabs and carriage returns around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// One entry of a list file.
struct ListEntry {
  std::int64_t line = 0;  ///< from 1
  std::string image;      ///< first column, never empty
  std::string truth;      ///< second column, after a tab; empty where there is none
};

/// Calls `body` for each entry of a text file with one in a line (see `visit_text_lines`): one or two columns separated
/// by a tab, without the blanks around them. Throws `InputError` naming the file, and the line: unreadable, no entry, a
/// third column, an empty first one; `InterruptedError` when a signal asks for a stop.
void visit_list_file(const std::filesystem::path& path, const std::function<void(const ListEntry& entry)>& body);

/// "FILE, line 7", for messages.
[[nodiscard]] std::string place_in(const std::filesystem::path& path, std::int64_t line);

}  // namespace datus::io_detail
