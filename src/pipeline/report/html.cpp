// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/html.hpp"

#include <array>
#include <cstddef>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 64;
constexpr std::array<std::uint8_t, 256> base64_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i < base64_digits.size(); ++i) {
    values.at(static_cast<unsigned char>(base64_digits[i])) = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string hex_colour(Colour colour) {
  std::array<char, 8> text{};
  (void)std::snprintf(text.data(), text.size(), "#%02x%02x%02x", colour.red, colour.green, colour.blue);
  return text.data();
}

std::string swatch(Colour colour) {
  return "<i class=\"swatch\" style=\"background:" + hex_colour(colour) + "\"></i>";
}

std::string decimals(const char* format, double value) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string percent(const std::optional<double>& value) {
  return value ? decimals("%.1f", 100 * *value) : "–";
}

std::string percent(const std::optional<double>& value, const std::optional<Interval>& interval) {
  if (!interval) return percent(value);
  return percent(value) + " <small>(" + percent(interval->low) + "–" + percent(interval->high) + ")</small>";
}

std::string base64(std::span<const std::uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  std::size_t to = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 3, to += 4) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (i + j < bytes.size() ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4 && i + j <= bytes.size(); ++j) {
      text[to + j] = base64_digits[group >> (18 - 6 * j) & 63U];
    }
  }
  return text;
}

std::vector<std::uint8_t> from_base64(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::uint32_t digit = base64_values[static_cast<unsigned char>(c)];
    if (digit == no_digit) break;
    group = group << 6U | digit;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<std::uint8_t>(group >> bits & 0xFFU));
  }
  return bytes;
}

std::string json_in_script(const nlohmann::ordered_json& json) {
  std::string result;
  for (const char c : json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace datus
