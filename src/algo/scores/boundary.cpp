#include "datus/algo/boundary.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace datus {
namespace {

constexpr int reach = BoundaryCounts::tolerance;

/// Where neighbours differ, and whether they count, as flags of a pixel.
void mark_differences(const std::int32_t* labels, const std::int32_t* truth, std::size_t neighbour, int count,
                      std::uint8_t* flags) {
  for (int x = 0; x < count; ++x) {
    const bool differs = labels[x] != labels[static_cast<std::size_t>(x) + neighbour];
    const bool counts = truth[x] != no_label && truth[static_cast<std::size_t>(x) + neighbour] != no_label;
    flags[x] |= static_cast<std::uint8_t>(differs && counts);
  }
}

/// The indices of the boundary pixels of `map`.
std::vector<std::size_t> boundary_of(const LabelMap& map, const LabelMap& truth) {
  const auto width = static_cast<std::size_t>(map.width);
  std::vector<std::uint8_t> flags(width);
  std::vector<std::size_t> pixels;
  for (int y = 0; y < map.height; ++y) {
    const std::size_t line = static_cast<std::size_t>(y) * width;
    std::ranges::fill(flags, std::uint8_t{0});
    mark_differences(map.labels.data() + line, truth.labels.data() + line, 1, map.width - 1, flags.data());
    if (y + 1 < map.height) {
      mark_differences(map.labels.data() + line, truth.labels.data() + line, width, map.width, flags.data());
    }
    for (std::size_t x = 0; x < width; ++x) {
      if (flags[x] != 0) pixels.push_back(line + x);
    }
  }
  return pixels;
}

/// Which pixels are near one of `pixels`.
std::vector<std::uint8_t> surroundings(const std::vector<std::size_t>& pixels, int height, int width) {
  std::vector<std::uint8_t> near(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (const std::size_t pixel : pixels) {
    const int row = static_cast<int>(pixel / static_cast<std::size_t>(width));
    const int col = static_cast<int>(pixel % static_cast<std::size_t>(width));
    for (int y = std::max(0, row - reach); y <= std::min(height - 1, row + reach); ++y) {
      int half = reach;
      while (half * half + (y - row) * (y - row) > reach * reach) --half;
      const auto line = near.begin() + static_cast<std::ptrdiff_t>(y) * width;
      std::fill(line + std::max(0, col - half), line + std::min(width, col + half + 1), std::uint8_t{1});
    }
  }
  return near;
}

std::int64_t count_near(const std::vector<std::size_t>& pixels, const std::vector<std::uint8_t>& near) {
  return std::ranges::count_if(pixels, [&](std::size_t pixel) { return near[pixel] != 0; });
}

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void BoundaryCounts::add(const LabelMap& prediction, const LabelMap& truth) {
  const auto predicted = boundary_of(prediction, truth);
  const auto real = boundary_of(truth, truth);
  values_[0] += std::ssize(predicted);
  values_[1] += count_near(predicted, surroundings(real, truth.height, truth.width));
  values_[2] += std::ssize(real);
  values_[3] += count_near(real, surroundings(predicted, truth.height, truth.width));
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
