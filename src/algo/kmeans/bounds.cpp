// SPDX-License-Identifier: Apache-2.0
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

Drift drift_between(std::span<const double> from, std::span<const double> to, int clusters) {
  const std::size_t dim = from.size() / static_cast<std::size_t>(clusters);
  Drift drift;
  for (std::int32_t k = 0; k < clusters; ++k) {
    double squared = 0.0;
    const std::size_t begin = static_cast<std::size_t>(k) * dim;
    for (std::size_t i = begin; i < begin + dim; ++i) {
      const double difference = to[i] - from[i];
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

RowBounds::RowBounds(std::int64_t rows)
    : upper_(static_cast<std::size_t>(rows), infinity), lower_(static_cast<std::size_t>(rows), -infinity) {}

void RowBounds::follow(const Drift& drift, std::span<const std::int32_t> labels, std::int64_t begin, std::int64_t end) {
  for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
    const std::int32_t label = labels[i];
    if (label < 0) continue;
    lower_[i] = below(static_cast<double>(lower_[i]) - static_cast<double>(drift.of_others(label)));
    upper_[i] =
        above(static_cast<double>(upper_[i]) + static_cast<double>(drift.distances[static_cast<std::size_t>(label)]));
  }
}

void RowBounds::learn(std::int64_t row, double lowest, double second, double error) {
  const auto i = static_cast<std::size_t>(row);
  lower_[i] = below(std::sqrt(std::max(0.0, second - error)));
  upper_[i] = above(std::sqrt(std::max(0.0, lowest) + error));
}

}  // namespace datus::clustering
