// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/update.hpp"

#include "algo/kmeans/totals.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace datus::clustering {
bool needs_precision(std::span<const std::int64_t> counts, std::span<const double> centroids, double inertia) {
  constexpr double near = 256.0;
  const std::size_t dim = centroids.size() / counts.size();
  double largest = 0.0;
  double rows = 0.0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] == 0) continue;
    double square = 0.0;
    for (const double value : centroids.subspan(k * dim, dim)) square += value * value;
    largest = std::max(largest, square);
    rows += static_cast<double>(counts[k]);
  }
  // Nearer still, f32 holds fewer bits of a coordinate than usual.
  constexpr double smallest = 0x1p-240;
  return rows * largest > near * inertia || inertia < rows * static_cast<double>(dim) * smallest;
}

bool f32_holds(std::span<const double> values) {
  return std::ranges::all_of(values,
                             [](double value) { return static_cast<double>(static_cast<float>(value)) == value; });
}

void round_to_stored(bool precise, std::span<const double> origin, std::span<double> centroids) {
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    if (!precise) centroids[i] = static_cast<double>(static_cast<float>(centroids[i]));
    if (!origin.empty()) centroids[i] = origin[i % origin.size()] + centroids[i] - origin[i % origin.size()];
  }
}

double sum_in_units(const Tally& tally, std::size_t i, const FixedPointScales& scales) {
  const std::size_t rests = tally.sums.size() / 2;
  const auto sum = static_cast<double>(tally.sums[i]);
  // Only a precise pair has its own inertia.
  return tally.inertia.empty() ? sum : sum + std::ldexp(static_cast<double>(tally.sums[rests + i]), -scales.rest_log2);
}

void take_means(const Tally& tally, const FixedPointScales& scales, std::span<double> centroids) {
  const std::size_t dim = centroids.size() / tally.counts.size();
  const double scale = std::ldexp(1.0, scales.sum_log2);
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    const std::int64_t count = tally.counts[i / dim];
    if (count > 0) centroids[i] = sum_in_units(tally, i, scales) / (static_cast<double>(count) * scale);
  }
}

}  // namespace datus::clustering
