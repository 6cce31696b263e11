// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/bootstrap.hpp"
#include "datus/io/palette.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace datus {

// Pieces of HTML.

/// Text as content or in a quoted attribute.
[[nodiscard]] std::string escaped(std::string_view text);

/// "#1a2b3c".
[[nodiscard]] std::string hex_colour(Colour colour);
/// A small square of that colour.
[[nodiscard]] std::string swatch(Colour colour);

/// "43.2" of 0.432, "–" of nothing, "43.2 (40.1–46.0)" with an interval.
[[nodiscard]] std::string percent(const std::optional<double>& value);
[[nodiscard]] std::string percent(const std::optional<double>& value, const std::optional<Interval>& interval);
/// By a format of printf for one double.
[[nodiscard]] std::string decimals(const char* format, double value);

/// RFC 4648, padded; and back, where text that is none gives what was read before.
[[nodiscard]] std::string base64(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::vector<std::uint8_t> from_base64(std::string_view text);

/// JSON as the content of a script element, which no text in it can end.
[[nodiscard]] std::string json_in_script(const nlohmann::ordered_json& json);

}  // namespace datus
