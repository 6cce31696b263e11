// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace datus {

// Pieces of tables of plain text.

/// The most characters of each column of these rows; a row may be shorter than others.
[[nodiscard]] std::vector<std::size_t> column_widths(std::span<const std::vector<std::string>> rows);
/// The blanks that make UTF-8 text as wide as its column.
[[nodiscard]] std::string padding(const std::string& text, std::size_t width);
/// A field of CSV (RFC 4180) in quotes.
[[nodiscard]] std::string csv_quoted(const std::string& text);

}  // namespace datus
