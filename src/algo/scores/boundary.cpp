#include "datus/algo/boundary.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <vector>

namespace datus {
namespace {

constexpr int reach = BoundaryCounts::tolerance;

constexpr std::size_t word_bits = 64;

/// A bit for each pixel; rows begin with a word, and end with bits that are no pixels.
class PixelBits {
 public:
  PixelBits(int height, int width)
      : words_((static_cast<std::size_t>(width) + word_bits - 1) / word_bits),
        bits_(static_cast<std::size_t>(height) * words_) {}

  [[nodiscard]] std::size_t words() const { return words_; }
  [[nodiscard]] std::uint64_t* row(int y) { return bits_.data() + static_cast<std::size_t>(y) * words_; }
  [[nodiscard]] const std::uint64_t* row(int y) const { return bits_.data() + static_cast<std::size_t>(y) * words_; }
  [[nodiscard]] const std::vector<std::uint64_t>& all() const { return bits_; }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

/// Flags of the pixels of a row that differ from their right or their lower neighbour. `next` and `next_truth` are the
/// row below, or the same where there is none.
void mark_boundary(const std::int32_t* labels, const std::int32_t* next, const std::int32_t* truth,
                   const std::int32_t* next_truth, std::size_t width, std::uint8_t* flags) {
  const auto counts = [](std::int32_t one, std::int32_t other) { return (one | other) >= 0 ? 1 : 0; };  // -1: void
  const auto differ = [](std::int32_t one, std::int32_t other) { return one != other ? 1 : 0; };
  const std::size_t last = width - 1;
  for (std::size_t x = 0; x < last; ++x) {
    const int right = differ(labels[x], labels[x + 1]) & counts(truth[x], truth[x + 1]);
    const int below = differ(labels[x], next[x]) & counts(truth[x], next_truth[x]);
    flags[x] = static_cast<std::uint8_t>(right | below);
  }
  flags[last] = static_cast<std::uint8_t>(differ(labels[last], next[last]) & counts(truth[last], next_truth[last]));
}

/// The boundary pixels of `map`.
PixelBits boundary_of(const LabelMap& map, const LabelMap& truth) {
  constexpr std::size_t group = sizeof(std::uint64_t);  // flags that are looked at together: most of them are 0
  const auto width = static_cast<std::size_t>(map.width);
  PixelBits bits(map.height, map.width);
  std::vector<std::uint8_t> flags(bits.words() * word_bits);
  for (int y = 0; y < map.height; ++y) {
    const std::size_t line = static_cast<std::size_t>(y) * width;
    const std::size_t next = y + 1 < map.height ? line + width : line;
    mark_boundary(map.labels.data() + line, map.labels.data() + next, truth.labels.data() + line,
                  truth.labels.data() + next, width, flags.data());
    std::uint64_t* row = bits.row(y);
    for (std::size_t x = 0; x < width; x += group) {
      std::uint64_t any = 0;
      std::memcpy(&any, flags.data() + x, group);
      if (any == 0) continue;
      for (std::size_t i = x; i < x + group; ++i) row[i / word_bits] |= std::uint64_t{flags[i]} << i % word_bits;
    }
  }
  return bits;
}

/// The same row, one pixel wider on both sides of each bit.
std::vector<std::uint64_t> widened(const std::vector<std::uint64_t>& row) {
  std::vector<std::uint64_t> wide(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::uint64_t before = i == 0 ? 0 : row[i - 1] >> (word_bits - 1);
    const std::uint64_t after = i + 1 == row.size() ? 0 : row[i + 1] << (word_bits - 1);
    wide[i] = row[i] | row[i] << 1U | row[i] >> 1U | before | after;
  }
  return wide;
}

/// Which pixels are near one of `pixels`.
PixelBits surroundings(const PixelBits& pixels, int height, int width) {
  PixelBits near(height, width);
  std::array<std::vector<std::uint64_t>, reach + 1> wide;  // by how much
  for (int row = 0; row < height; ++row) {
    wide[0].assign(pixels.row(row), pixels.row(row) + pixels.words());
    if (std::ranges::all_of(wide[0], [](std::uint64_t word) { return word == 0; })) continue;
    for (std::size_t i = 1; i < wide.size(); ++i) wide.at(i) = widened(wide.at(i - 1));
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
  if (truth.labels.empty()) return;
  const auto predicted = boundary_of(prediction, truth);
  const auto real = boundary_of(truth, truth);
  values_[0] += count_both(predicted, predicted);
  values_[1] += count_both(predicted, surroundings(real, truth.height, truth.width));
  values_[2] += count_both(real, real);
  values_[3] += count_both(real, surroundings(predicted, truth.height, truth.width));
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
