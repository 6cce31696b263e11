// SPDX-License-Identifier: Apache-2.0
#include "algo/scores/boundary_scan.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <vector>

namespace datus {
namespace {

constexpr int reach = BoundaryCounts::tolerance;

constexpr std::size_t word_bits = PixelBits::word_bits;

/// `wide` becomes the same row, one pixel wider on both sides of each bit.
void widen(const std::vector<std::uint64_t>& row, std::vector<std::uint64_t>& wide) {
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::uint64_t after = i + 1 == row.size() ? 0 : row[i + 1];
    wide[i] = row[i] | row[i] << 1U | row[i] >> 1U | before >> (word_bits - 1) | after << (word_bits - 1);
    before = row[i];
  }
}

/// Which pixels are near one of `pixels`.
PixelBits surroundings(const PixelBits& pixels, int height, int width) {
  PixelBits near(height, width);
  std::array<std::vector<std::uint64_t>, reach + 1> wide;  // by how much
  for (auto& row : wide) row.resize(near.words());
  for (int row = 0; row < height; ++row) {
    wide[0].assign(pixels.row(row), pixels.row(row) + pixels.words());
    if (std::ranges::all_of(wide[0], [](std::uint64_t word) { return word == 0; })) continue;
    for (std::size_t i = 1; i < wide.size(); ++i) widen(wide.at(i - 1), wide.at(i));
    for (int y = std::max(0, row - reach); y <= std::min(height - 1, row + reach); ++y) {
      int half = reach;
      while (half * half + (y - row) * (y - row) > reach * reach) --half;
      const auto& from = wide.at(static_cast<std::size_t>(half));
      std::uint64_t* to = near.row(y);
      for (std::size_t i = 0; i < from.size(); ++i) to[i] |= from[i];
    }
  }
  return near;
}

std::int64_t count_both(const PixelBits& one, const PixelBits& other) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < one.all().size(); ++i) {
    const std::uint64_t both = one.all()[i] & other.all()[i];
    if (both != 0) count += std::popcount(both);
  }
  return count;
}

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void BoundaryCounts::add(const LabelMap& prediction, const LabelMap& truth) {
  *this += count_boundary(scan_pixels(prediction, truth));
}

BoundaryCounts count_boundary(const PixelScan& scan) {
  BoundaryCounts counts;
  const auto values = counts.values();
  values[0] = count_both(scan.predicted, scan.predicted);
  values[1] = count_both(scan.predicted, surroundings(scan.real, scan.height, scan.width));
  values[2] = count_both(scan.real, scan.real);
  values[3] = count_both(scan.real, surroundings(scan.predicted, scan.height, scan.width));
  return counts;
}

BoundaryCounts& BoundaryCounts::operator+=(const BoundaryCounts& other) {
  for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += other.values_[i];
  return *this;
}

BoundaryScores score(const BoundaryCounts& counts) {
  const auto values = counts.values();
  BoundaryScores scores{.precision = ratio(values[1], values[0]), .recall = ratio(values[3], values[2]), .f = {}};
  if (!scores.precision || !scores.recall) return scores;
  const double sum = *scores.precision + *scores.recall;
  scores.f = sum > 0 ? 2 * *scores.precision * *scores.recall / sum : 0.0;
  return scores;
}

}  // namespace datus
