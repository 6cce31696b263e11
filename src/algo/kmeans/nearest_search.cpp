// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/nearest_search.hpp"

#include "algo/kmeans/blocks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace datus::clustering {
namespace {

/// The limit for scores that no centroid is above.
constexpr double everything = std::numeric_limits<double>::infinity();

}  // namespace

NearestSearch::NearestSearch(const SearchCentroids& centroids, const Kernels& kernels)
    : centroids_(centroids), kernels_(kernels) {}

void NearestSearch::find(const RowBlock& strip, const double* norms, NearestRows& found) {
  float lowest[strip_rows];
  float second[strip_rows];
  kernels_.nearest_two(strip.values, strip.count, centroids_.packed(), found.labels, lowest, second);
  for (std::int64_t i = 0; i < strip.count; ++i) {
    const auto score = static_cast<double>(lowest[i]);
    const double error = centroids_.error(norms[i]);
    found.lowest[i] = norms[i] + score;
    found.second[i] = norms[i] + static_cast<double>(second[i]);
    found.error[i] = error;
    // Written so that what is not a number is a doubt.
    if (static_cast<double>(second[i]) - score > 2.0 * error) continue;
    // The second nearest of all is among those within four times the error.
    settle(strip, i, score + 4.0 * error, found);
  }
}

void NearestSearch::refine(const RowBlock& strip, NearestRows& found) {
  constexpr double share = 1e-3;
  measure(strip, found.labels, found.lowest);
  for (std::int64_t i = 0; i < strip.count; ++i) {
    if (!(found.error[i] <= share * found.second[i])) settle(strip, i, everything, found);
  }
}

void NearestSearch::find_precisely(const RowBlock& strip, NearestRows& found) {
  for (std::int64_t i = 0; i < strip.count; ++i) settle(strip, i, everything, found);
}

void NearestSearch::measure(const RowBlock& strip, const std::int32_t* labels, double* distances) {
  kernels_.own_distances(widened(strip), strip.count, centroids_.dim(), centroids_.values().data(), labels, distances);
}

void NearestSearch::settle(const RowBlock& strip, std::int64_t i, double limit, NearestRows& found) {
  const int dim = centroids_.dim();
  const RowBlock row = part_of(strip, i, 1, dim);
  const double* const precise = widened(row);
  const std::span<const double> candidates = candidates_of(row.values, limit);
  distances_.resize(numbers_.size());
  kernels_.precise_squared_distances(candidates.data(), std::ssize(numbers_), dim, precise, 1, distances_.data());
  const auto nearest = std::ranges::min_element(distances_) - distances_.begin();
  found.labels[i] = numbers_[static_cast<std::size_t>(nearest)];
  found.lowest[i] = distances_[static_cast<std::size_t>(nearest)];
  found.error[i] = 0.0;
  distances_[static_cast<std::size_t>(nearest)] = std::numeric_limits<double>::infinity();
  found.second[i] = std::ranges::min(distances_);
}

std::span<const double> NearestSearch::candidates_of(const float* row, double limit) {
  const auto dim = static_cast<std::size_t>(centroids_.dim());
  const auto clusters = static_cast<std::size_t>(centroids_.clusters());
  const std::span<const double> all = centroids_.values();
  numbers_.clear();
  if (std::isfinite(limit)) {
    scores_.resize(static_cast<std::size_t>(centroids_.packed().groups) * group_size);
    kernels_.scores(row, centroids_.packed(), scores_.data());
    candidates_.clear();
    for (std::size_t k = 0; k < clusters; ++k) {
      // Written so that what is not a number is looked at.
      if (static_cast<double>(scores_[k]) > limit) continue;
      numbers_.push_back(static_cast<std::int32_t>(k));
      candidates_.insert(candidates_.end(), all.begin() + static_cast<std::ptrdiff_t>(k * dim),
                         all.begin() + static_cast<std::ptrdiff_t>((k + 1) * dim));
    }
    return candidates_;
  }
  numbers_.resize(clusters);
  std::iota(numbers_.begin(), numbers_.end(), 0);
  return all;
}

const double* NearestSearch::widened(const RowBlock& strip) {
  if (strip.precise != nullptr) return strip.precise;
  rows_.assign(strip.values, strip.values + strip.count * centroids_.dim());
  return rows_.data();
}

}  // namespace datus::clustering
