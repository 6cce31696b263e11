#include "algo/kmeans/update.hpp"

#include "algo/kmeans/totals.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace datus::clustering {
namespace {

constexpr std::size_t nothing = static_cast<std::size_t>(-1);

/// The cluster with the largest inertia among those that have rows, the lowest index on ties.
std::size_t largest_cluster(const std::vector<bool>& has_rows, const std::vector<double>& inertia) {
  std::size_t largest = nothing;
  for (std::size_t k = 0; k < inertia.size(); ++k) {
    if (has_rows[k] && (largest == nothing || inertia[k] > inertia[largest])) largest = k;
  }
  return largest;
}

/// Pulls two copies of `from` apart, a little and in a direction that favours no sign: by a part of each coordinate, or
/// by `distance` where that is given. Returns whether they differ.
bool split(std::span<double> from, std::span<double> to, const double* distance) {
  bool differ = false;
  for (std::size_t d = 0; d < from.size(); ++d) {
    const double centre = from[d];
    const double step = distance != nullptr ? *distance : centre * 0x1p-10;
    to[d] = d % 2 == 0 ? centre + step : centre - step;
    from[d] = d % 2 == 0 ? centre - step : centre + step;
    differ |= from[d] != to[d];
  }
  return differ;
}

}  // namespace

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

Refill refill_empty(std::span<const std::int64_t> counts, std::vector<double> inertia, bool precise,
                    std::span<double> centroids) {
  const std::size_t dim = centroids.size() / counts.size();
  std::vector<bool> has_rows;
  std::vector<double> rows;
  for (const std::int64_t count : counts) {
    has_rows.push_back(count > 0);
    rows.push_back(static_cast<double>(count));
  }
  Refill refill;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (has_rows[k]) continue;
    const std::size_t largest = largest_cluster(has_rows, inertia);
    const double distance = std::sqrt(inertia[largest] / (rows[largest] * static_cast<double>(dim))) * 0x1p-10;
    const bool differ =
        split(centroids.subspan(largest * dim, dim), centroids.subspan(k * dim, dim), precise ? &distance : nullptr);
    inertia[largest] /= 2.0;
    inertia[k] = inertia[largest];
    rows[largest] /= 2.0;
    rows[k] = rows[largest];
    has_rows[k] = true;
    ++refill.repairs;
    if (!differ) ++refill.failed;
  }
  return refill;
}

}  // namespace datus::clustering
