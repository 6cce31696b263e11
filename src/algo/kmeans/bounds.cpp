#include "algo/kmeans/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace datus::clustering {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// More than all roundings between the exact bound and its float, on the safe side.
float above(double value) {
  return static_cast<float>(value * (1.0 + 1e-6) + 1e-37);
}
float below(double value) {
  return static_cast<float>(value * (1.0 - 1e-6) - 1e-37);
}

}  // namespace

Drift drift_between(std::span<const float> from, std::span<const float> to, int clusters) {
  const std::size_t dim = from.size() / static_cast<std::size_t>(clusters);
  Drift drift;
  for (std::int32_t k = 0; k < clusters; ++k) {
    double squared = 0.0;
    const std::size_t begin = static_cast<std::size_t>(k) * dim;
    for (std::size_t i = begin; i < begin + dim; ++i) {
      const double difference = static_cast<double>(to[i]) - static_cast<double>(from[i]);
      squared = std::fma(difference, difference, squared);
    }
    const float distance = above(std::sqrt(squared));
    drift.distances.push_back(distance);
    if (drift.farthest < 0 || distance > drift.largest) {
      drift.second = drift.largest;
      drift.largest = distance;
      drift.farthest = k;
    } else {
      drift.second = std::max(drift.second, distance);
    }
  }
  return drift;
}

double score_error(int dim, double longest_row, double longest_centroid) {
  constexpr double unit = 0x1p-24;
  // Two more for the last operations of a score, two for the computed lengths.
  const double roundings = (dim + 4) * unit;
  if (roundings > 0.1) return std::numeric_limits<double>::infinity();
  const double length = longest_row + longest_centroid;
  const double underflow = dim * 0x1p-140;
  return 1.01 * roundings / (1.0 - roundings) * length * length + underflow;
}

RowBounds::RowBounds(std::int64_t rows, bool keep_upper)
    : upper_(keep_upper ? static_cast<std::size_t>(rows) : 0, infinity),
      lower_(static_cast<std::size_t>(rows), -infinity) {}

void RowBounds::follow(const Drift& drift, std::span<const std::int32_t> labels, std::int64_t begin, std::int64_t end) {
  for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
    const std::int32_t label = labels[i];
    if (label < 0) continue;
    lower_[i] = below(static_cast<double>(lower_[i]) - static_cast<double>(drift.of_others(label)));
    if (upper_.empty()) continue;
    upper_[i] =
        above(static_cast<double>(upper_[i]) + static_cast<double>(drift.distances[static_cast<std::size_t>(label)]));
  }
}

bool RowBounds::may_change(std::int64_t row, float upper, double error) const {
  const auto lower = static_cast<double>(lower_[static_cast<std::size_t>(row)]);
  const auto own = static_cast<double>(upper);
  // Written so that bounds that are not numbers do not hold.
  return !(lower > own && (lower - own) * (lower + own) > 2.0 * error);
}

bool RowBounds::may_change_from(std::int64_t row, double squared_distance, double error) const {
  return may_change(row, above(std::sqrt(std::max(0.0, squared_distance) + error)), error);
}

void RowBounds::learn(std::int64_t row, double lowest, double second, double error) {
  const auto i = static_cast<std::size_t>(row);
  lower_[i] = below(std::sqrt(std::max(0.0, second - error)));
  if (!upper_.empty()) upper_[i] = above(std::sqrt(std::max(0.0, lowest) + error));
}

BoundsTrial::BoundsTrial(int clusters) {
  // In units of the comparison of a row with one centroid, as measured: a comparison with its own is a chain that no
  // vector shortens, and a row in doubt is copied first.
  constexpr double own = 24.0;
  constexpr double copy = 1.1;
  break_even_ = (1.0 - own / static_cast<double>(clusters)) / copy;
}

void BoundsTrial::pass_done(std::int64_t moved, std::int64_t doubtful, std::int64_t rows) {
  ++passes_;
  if (use_ == BoundsUse::learn) {
    use_ = BoundsUse::rely;
  } else if (use_ == BoundsUse::rely) {
    if (static_cast<double>(doubtful) < break_even_ * static_cast<double>(rows)) return;
    use_ = BoundsUse::none;
    next_trial_ = 2 * passes_;
  } else if (passes_ >= next_trial_ && 10 * moved < rows) {
    use_ = BoundsUse::learn;
  }
}

}  // namespace datus::clustering
