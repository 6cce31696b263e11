#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace datus::io_detail {

/// One entry of a list file.
struct ListEntry {
  std::int64_t line = 0;  ///< from 1
  std::string image;      ///< first column, never empty
  std::string truth;      ///< second column, after a tab; empty where there is none
};

/// Reads a text file of one entry per line: one or two columns separated by a tab, without the
/// blanks around them. Blank lines and those that start with # are left out; a byte-order mark and
/// carriage returns are ignored. Throws `InputError` naming the file, and the line: unreadable, no
/// entry, a third column, an empty first one.
[[nodiscard]] std::vector<ListEntry> read_list_file(const std::filesystem::path& path);

/// "FILE, line 7", for messages.
[[nodiscard]] std::string place_in(const std::filesystem::path& path, std::int64_t line);

}  // namespace datus::io_detail
