// SPDX-License-Identifier: Apache-2.0
#include "datus/io/palette.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>

namespace datus {
namespace {

constexpr int max_colours = 1024;

/// A colour in OKLab: lightness 0 to 1, and two axes of hue and saturation.
struct Lab {
  double lightness = 0;
  double a = 0;
  double b = 0;
};

struct Candidate {
  Lab lab;
  Colour colour;
};

double squared_distance(const Lab& p, const Lab& q) {
  const double lightness = p.lightness - q.lightness;
  const double a = p.a - q.a;
  const double b = p.b - q.b;
  return lightness * lightness + a * a + b * b;
}

double from_gamma(std::uint8_t level) {
  const double value = level / 255.0;
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

/// The matrices are Ottosson's.
Lab to_lab(Colour colour) {
  const double red = from_gamma(colour.red);
  const double green = from_gamma(colour.green);
  const double blue = from_gamma(colour.blue);
  const double l = std::cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const double m = std::cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const double s = std::cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return {.lightness = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          .a = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          .b = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

double to_gamma(double linear) {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
}

/// The sRGB colour; nothing where it lies outside what sRGB can show. The matrices are Ottosson's.
std::optional<Colour> to_srgb(const Lab& lab) {
  const double l_root = lab.lightness + 0.3963377774 * lab.a + 0.2158037573 * lab.b;
  const double m_root = lab.lightness - 0.1055613458 * lab.a - 0.0638541728 * lab.b;
  const double s_root = lab.lightness - 0.0894841775 * lab.a - 1.2914855480 * lab.b;
  const double l = l_root * l_root * l_root;
  const double m = m_root * m_root * m_root;
  const double s = s_root * s_root * s_root;
  const std::array<double, 3> linear = {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
                                        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
                                        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
  std::array<std::uint8_t, 3> levels{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (linear[i] < 0 || linear[i] > 1) return std::nullopt;
    levels[i] = static_cast<std::uint8_t>(std::lround(255 * to_gamma(linear[i])));
  }
  return Colour{levels[0], levels[1], levels[2]};
}

/// A regular sample of the colours that look well beside a photograph, in a fixed order.
std::vector<Candidate> candidates() {
  constexpr int lightness_steps = 12;
  constexpr int chroma_steps = 4;
  constexpr int hue_steps = 60;
  std::vector<Candidate> result;
  for (int i = 0; i < lightness_steps; ++i) {
    for (int j = 0; j < chroma_steps; ++j) {
      for (int k = 0; k < hue_steps; ++k) {
        const double lightness = 0.45 + 0.04 * i;
        const double chroma = 0.07 + 0.035 * j;
        const double hue = 2 * std::numbers::pi * (k + 0.5 * (i % 2)) / hue_steps;
        const Lab lab{lightness, chroma * std::cos(hue), chroma * std::sin(hue)};
        if (const auto colour = to_srgb(lab)) result.push_back({lab, *colour});
      }
    }
  }
  return result;
}

/// The index of the largest distance. Those that differ by rounding only count as equal, and the
/// first one wins: no library's cos() may decide.
std::size_t farthest(const std::vector<double>& distance) {
  constexpr double rounding = 1e-9;
  std::size_t best = 0;
  for (std::size_t j = 1; j < distance.size(); ++j) {
    if (distance[j] > distance[best] + rounding) best = j;
  }
  return best;
}

void require_room(int count) {
  if (count < 0 || count > max_colours) {
    throw UsageError("Cannot make a palette of " + std::to_string(count) + " colours",
                     "at most " + std::to_string(max_colours) + " can be told apart", "Let larger labels start over.");
  }
}

}  // namespace

Palette distinct_palette(int count) {
  require_room(count);
  const std::vector<Candidate> all = candidates();
  std::vector<double> distance(all.size());  // squared, to the nearest colour of the palette
  const Lab calm_blue{0.65, -0.03, -0.14};
  for (std::size_t j = 0; j < all.size(); ++j) distance[j] = -squared_distance(all[j].lab, calm_blue);
  std::size_t chosen = farthest(distance);
  std::fill(distance.begin(), distance.end(), std::numeric_limits<double>::max());
  Palette palette;
  for (int i = 0; i < count; ++i) {
    palette.colours.push_back(all[chosen].colour);
    for (std::size_t j = 0; j < all.size(); ++j) {
      distance[j] = std::min(distance[j], squared_distance(all[j].lab, all[chosen].lab));
    }
    chosen = farthest(distance);
  }
  return palette;
}

Palette extended_palette(const Palette& taken, int count) {
  if (taken.colours.empty()) return label_palette(count);
  const std::vector<Candidate> all = candidates();
  std::vector<double> distance(all.size(), std::numeric_limits<double>::max());
  const auto take = [&](const Lab& lab) {
    for (std::size_t j = 0; j < all.size(); ++j) distance[j] = std::min(distance[j], squared_distance(all[j].lab, lab));
  };
  for (const Colour colour : taken.colours) take(to_lab(colour));
  Palette palette = taken;
  for (int i = 0; i < std::min(count, max_colours); ++i) {
    const Candidate& chosen = all[farthest(distance)];
    palette.colours.push_back(chosen.colour);
    take(chosen.lab);
  }
  return palette;
}

Palette label_palette(int labels) {
  return distinct_palette(std::clamp(labels, 0, max_colours));
}

}  // namespace datus
