// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace datus {

/// "PROBLEM (WHY) WHAT TO DO", as errors and warnings read: `Error` takes the parts, this is for texts that are not
/// thrown. Empty parts are left out.
[[nodiscard]] std::string message_text(std::string_view problem, std::string_view why, std::string_view what_to_do);

/// Away from its neighbour, so that what is needed (up) never looks as if it were free (down).
enum class Rounding { nearest, up, down };

/// "57.3 MiB": three digits or more; "312 bytes" below a KiB.
[[nodiscard]] std::string size_text(std::int64_t bytes, Rounding rounding = Rounding::nearest);

/// "12.3 ms", "12.3 s", "4 min 10 s", "3 h 20 min", "2 d 4 h".
[[nodiscard]] std::string duration_text(double seconds);

/// "480 x 640".
[[nodiscard]] std::string dimensions_text(std::int64_t height, std::int64_t width);

/// "1 rank", "8 ranks".
[[nodiscard]] std::string counted(std::int64_t count, std::string_view thing);

/// A cell of a table, with spaces behind (`pad_right`) or before the text (`pad_left`): to `width` characters, or one
/// space where it has as many or more.
[[nodiscard]] std::string pad_right(const std::string& text, std::size_t width);
[[nodiscard]] std::string pad_left(const std::string& text, std::size_t width);  ///< The text behind.

/// The bytes of a regular file; nothing for whatever else is there, and when it cannot be read.
[[nodiscard]] std::optional<std::string> text_of_file(const std::filesystem::path& path);

}  // namespace datus
