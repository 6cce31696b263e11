// SPDX-License-Identifier: Apache-2.0
#include "model/vit/position_grid.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace datus {
namespace {

/// The share of one source position in a result.
struct Tap {
  std::size_t index;
  double weight;
};

/// Keys' cubic convolution kernel with parameter a.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// Four taps around `centre`, indices beyond the border moved onto it.
std::vector<Tap> clamped_taps(double centre, int native) {
  constexpr double a = -0.75;
  const double floor = std::floor(centre);
  std::vector<Tap> taps;
  for (int k = -1; k <= 2; ++k) {
    const double source = floor + k;
    const double index = std::clamp(source, 0.0, static_cast<double>(native - 1));
    taps.push_back({static_cast<std::size_t>(index), cubic(centre - source, a)});
  }
  return taps;
}

/// All positions within the kernel, which widens when the grid shrinks; positions beyond the border
/// have no share.
std::vector<Tap> antialiased_taps(double centre, double scale, int native) {
  constexpr double a = -0.5;
  const double stretch = std::max(1.0, scale);
  const double support = 2 * stretch;
  const int first = std::max(0, static_cast<int>(std::floor(centre - support + 0.5)));
  const int last = std::min(native, static_cast<int>(std::floor(centre + support + 0.5)));
  std::vector<Tap> taps;
  double sum = 0;
  for (int index = first; index < last; ++index) {
    taps.push_back({static_cast<std::size_t>(index), cubic((index + 0.5 - centre) / stretch, a)});
    sum += taps.back().weight;
  }
  for (Tap& tap : taps) tap.weight /= sum;
  return taps;
}

std::vector<Tap> taps_of(int i, int native, int wanted, PositionRule rule) {
  const double extent = wanted + (rule == PositionRule::offset ? 0.1 : 0.0);
  const double scale = native / extent;
  const double centre = (i + 0.5) * scale;
  if (rule == PositionRule::size_antialias) return antialiased_taps(centre, scale, native);
  return clamped_taps(centre - 0.5, native);
}

}  // namespace

std::vector<float> resize_positions(std::span<const float> positions, int native, int dim, GridSize grid,
                                    PositionRule rule) {
  const auto width = static_cast<std::size_t>(dim);
  const auto source_row = static_cast<std::size_t>(native) * width;
  std::vector<std::vector<Tap>> column_taps;
  for (int c = 0; c < grid.cols; ++c) column_taps.push_back(taps_of(c, native, grid.cols, rule));

  std::vector<float> result;
  result.reserve(static_cast<std::size_t>(grid.patches()) * width);
  std::vector<double> blended(source_row);
  std::vector<double> pixel(width);
  for (int r = 0; r < grid.rows; ++r) {
    std::ranges::fill(blended, 0.0);
    for (const Tap& tap : taps_of(r, native, grid.rows, rule)) {
      const auto row = positions.subspan(tap.index * source_row, source_row);
      for (std::size_t i = 0; i < source_row; ++i) blended[i] += tap.weight * row[i];
    }
    for (const auto& taps : column_taps) {
      std::ranges::fill(pixel, 0.0);
      for (const Tap& tap : taps) {
        for (std::size_t d = 0; d < width; ++d) pixel[d] += tap.weight * blended[tap.index * width + d];
      }
      for (const double value : pixel) result.push_back(static_cast<float>(value));
    }
  }
  return result;
}

}  // namespace datus
