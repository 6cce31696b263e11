// SPDX-License-Identifier: Apache-2.0
#include "datus/core/text.hpp"

#include "datus/core/regular_file.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <system_error>
#include <utility>

namespace datus {
namespace {

/// To so many decimals; `printf` rounds to the nearest.
double rounded(double value, int decimals, Rounding rounding) {
  const double scale = std::pow(10.0, decimals);
  switch (rounding) {
    case Rounding::up:
      return std::ceil(value * scale) / scale;
    case Rounding::down:
      return std::floor(value * scale) / scale;
    case Rounding::nearest:
      break;
  }
  return value;
}

std::string spaces(const std::string& text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 1, ' ');
}

}  // namespace

std::string message_text(std::string_view problem, std::string_view why, std::string_view what_to_do) {
  std::string text(problem);
  if (!why.empty()) text.append(" (").append(why).append(")");
  if (!what_to_do.empty()) text.append(" ").append(what_to_do);
  return text;
}

std::string size_text(std::int64_t bytes, Rounding rounding) {
  constexpr std::array units = {"KiB", "MiB", "GiB", "TiB"};
  constexpr double step = 1024;
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  double value = static_cast<double>(bytes) / step;
  std::size_t unit = 0;
  for (; value >= 1023.5 && unit + 1 < units.size(); ++unit) value /= step;
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.*f %s", decimals, rounded(value, decimals, rounding),
                      units.at(unit));
  return text.data();
}

std::string duration_text(double seconds) {
  std::array<char, 64> text{};
  const auto print = [&](const char* format, auto... values) {
    (void)std::snprintf(text.data(), text.size(), format, values...);
    return std::string(text.data());
  };
  if (seconds < 0.9995e-3) return print("%.3g us", seconds * 1e6);
  if (seconds < 0.9995) return print("%.3g ms", seconds * 1e3);
  if (seconds < 99.95) return print("%.1f s", seconds);
  const long long whole = std::llround(seconds);
  if (whole < 3600) return print("%lld min %lld s", whole / 60, whole % 60);
  if (whole < 48 * 3600) return print("%lld h %lld min", whole / 3600, whole % 3600 / 60);
  return print("%lld d %lld h", whole / 86400, whole % 86400 / 3600);
}

std::string dimensions_text(std::int64_t height, std::int64_t width) {
  return std::to_string(height) + " x " + std::to_string(width);
}

std::string counted(std::int64_t count, std::string_view thing) {
  return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

std::string pad_right(const std::string& text, std::size_t width) {
  return text + spaces(text, width);
}

std::string pad_left(const std::string& text, std::size_t width) {
  return spaces(text, width) + text;
}

std::optional<std::string> text_of_file(const std::filesystem::path& path) {
  std::string why;
  return text_of_file(path, why);
}

}  // namespace datus
