// SPDX-License-Identifier: Apache-2.0
#pragma once

// k-means|| as `kmeans` defines it, to the bit, in plain loops over all rows: what the real one is compared with.

#include "kmeans_reference.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <vector>

namespace datus::test {

inline bool reference_equal(const float* a, const float* b, int dim) {
  for (int d = 0; d < dim; ++d) {
    if (a[d] != b[d]) return false;
  }
  return true;
}

/// The first of `count` centroids that is nearest.
template <class T>
int reference_label(const T* x, const std::vector<double>& centroids, int count, int dim) {
  int label = 0;
  double lowest = std::numeric_limits<double>::infinity();
  for (int k = 0; k < count; ++k) {
    const double distance = squared_distance(x, centroids.data() + std::int64_t{k} * dim, dim);
    if (distance >= lowest) continue;
    lowest = distance;
    label = k;
  }
  return label;
}

struct ReferenceCandidates {
  /// Numbers of their rows.
  std::vector<std::int64_t> rows;
  /// How many rows each stands for.
  std::vector<std::int64_t> counts;
  int rounds = 0;
};

/// The rows' weights, and which candidate (its place) gave them.
struct ReferenceWeights {
  std::vector<double> weight;
  std::vector<std::size_t> nearest;

  /// By the candidates from `begin` on.
  void lower(const Matrix& rows, const std::vector<std::int64_t>& candidates, std::size_t begin) {
    if (begin == candidates.size()) return;
    const std::vector<std::int64_t> fresh(candidates.begin() + static_cast<std::ptrdiff_t>(begin), candidates.end());
    const std::vector<double> values = rows_at(rows, fresh);
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      const float* x = rows.row(i);
      const auto label = static_cast<std::size_t>(reference_label(x, values, static_cast<int>(fresh.size()), rows.dim));
      const double distance = squared_distance(x, rows.row(fresh[label]), rows.dim);
      const auto at = static_cast<std::size_t>(i);
      if (distance >= weight[at]) continue;
      weight[at] = distance;
      nearest[at] = begin + label;
    }
  }
};

/// The rows that a round takes, copies of lower ones left out.
inline std::vector<std::int64_t> reference_round(const Matrix& rows, const std::vector<double>& weights,
                                                 std::array<std::uint32_t, 2> key, int round, int clusters) {
  double largest = 0.0;
  for (const double weight : weights) largest = std::max(largest, weight);
  int e = -2000;
  while (std::ldexp(1.0, e) <= largest) ++e;
  int b = 0;
  while ((std::int64_t{1} << b) < rows.rows) ++b;
  const int units = std::min(50, 61 - b) - e;
  std::int64_t phi = 0;
  for (const double weight : weights) phi += std::llrint(std::ldexp(weight, units));
  std::vector<std::int64_t> taken;
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    const double u = kmeans_uniform(key, static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(round));
    const double weight = std::ldexp(weights[static_cast<std::size_t>(i)], units);
    if (u * static_cast<double>(phi) >= 2.0 * clusters * weight) continue;
    const bool copy = std::ranges::any_of(
        taken, [&](std::int64_t other) { return reference_equal(rows.row(other), rows.row(i), rows.dim); });
    if (!copy) taken.push_back(i);
  }
  return taken;
}

inline ReferenceCandidates reference_candidates(const Matrix& rows, std::uint64_t seed, int restart, int clusters) {
  const auto n = static_cast<std::size_t>(rows.rows);
  const auto key = kmeans_key(KMeansPurpose::oversampling, seed, restart, clusters);
  ReferenceCandidates result;
  std::int64_t first = 0;
  for (std::int64_t i = 1; i < rows.rows; ++i) {
    if (kmeans_draw(key, static_cast<std::uint64_t>(i), 0) < kmeans_draw(key, static_cast<std::uint64_t>(first), 0)) {
      first = i;
    }
  }
  result.rows = {first};
  ReferenceWeights weights{std::vector<double>(n, std::numeric_limits<double>::infinity()),
                           std::vector<std::size_t>(n, 0)};
  weights.lower(rows, result.rows, 0);
  while (std::ranges::any_of(weights.weight, [](double weight) { return weight > 0.0; }) &&
         (result.rounds < 5 || std::ssize(result.rows) < clusters)) {
    const auto taken = reference_round(rows, weights.weight, key, ++result.rounds, clusters);
    const std::size_t begin = result.rows.size();
    result.rows.insert(result.rows.end(), taken.begin(), taken.end());
    weights.lower(rows, result.rows, begin);
  }
  result.counts.resize(result.rows.size());
  for (const std::size_t candidate : weights.nearest) ++result.counts[candidate];
  return result;
}

/// Greedy weighted k-means++ over the candidates: their places.
inline std::vector<std::int64_t> reference_choice(const Matrix& candidates, const std::vector<std::int64_t>& counts,
                                                  std::array<std::uint32_t, 2> key, int clusters) {
  const auto count = static_cast<std::size_t>(candidates.rows);
  const int tries = std::min(5, std::max(1, 1024 / clusters));
  std::vector<std::int64_t> chosen;
  std::vector<double> distances(count, std::numeric_limits<double>::infinity());
  for (int k = 0; k < clusters; ++k) {
    double lowest_inertia = std::numeric_limits<double>::infinity();
    std::vector<double> best;
    chosen.push_back(-1);
    for (int j = 0; j < (k == 0 ? 1 : tries); ++j) {
      std::int64_t winner = -1;
      double soonest = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < count; ++i) {
        const double rate = static_cast<double>(counts[i]) * (k == 0 ? 1.0 : distances[i]);
        const double time = negative_log(kmeans_uniform(key, i, static_cast<std::uint32_t>(8 * k + j))) / rate;
        if (rate == 0.0 || time >= soonest) continue;
        soonest = time;
        winner = static_cast<std::int64_t>(i);
      }
      std::vector<double> left(count);
      double inertia = 0.0;
      for (std::size_t i = 0; i < count; ++i) {
        const float* x = candidates.row(static_cast<std::int64_t>(i));
        left[i] = std::min(distances[i], squared_distance(x, candidates.row(winner), candidates.dim));
        inertia += static_cast<double>(counts[i]) * left[i];
      }
      if (inertia >= lowest_inertia) continue;
      lowest_inertia = inertia;
      best = left;
      chosen.back() = winner;
    }
    distances = best;
  }
  return chosen;
}

/// One of Lloyd's iterations over the candidates.
inline std::vector<double> reference_means(const Matrix& candidates, const std::vector<std::int64_t>& counts,
                                           const std::vector<int>& labels, std::vector<double> centroids) {
  const auto dim = static_cast<std::size_t>(candidates.dim);
  for (std::size_t k = 0; k * dim < centroids.size(); ++k) {
    for (std::size_t d = 0; d < dim; ++d) {
      double sum = 0.0;
      std::int64_t weight = 0;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        if (labels[i] != static_cast<int>(k)) continue;
        weight += counts[i];
        sum += static_cast<double>(counts[i]) * static_cast<double>(candidates.values[i * dim + d]);
      }
      if (weight > 0) centroids[k * dim + d] = sum / static_cast<double>(weight);
    }
  }
  return centroids;
}

/// The first centroids, relative to the origin; there must be at least K distinct rows.
inline std::vector<double> reference_parallel(const Matrix& matrix, std::uint64_t seed, int restart, int clusters) {
  const std::vector<double> origin = reference_origin(matrix);
  // f32 holds the differences.
  const Points moved = relative_to(origin, matrix);
  const Matrix rows{matrix.rows, matrix.dim, {moved.values.begin(), moved.values.end()}};
  const ReferenceCandidates candidates = reference_candidates(rows, seed, restart, clusters);
  Matrix points{std::ssize(candidates.rows), rows.dim, {}};
  for (const std::int64_t row : candidates.rows)
    points.values.insert(points.values.end(), rows.row(row), rows.row(row + 1));
  const auto key = kmeans_key(KMeansPurpose::recluster, seed, restart, clusters);
  std::vector<double> centroids = rows_at(points, reference_choice(points, candidates.counts, key, clusters));
  std::vector<int> previous;
  for (int iteration = 0; iteration < 10; ++iteration) {
    std::vector<int> labels;
    for (std::int64_t i = 0; i < points.rows; ++i) {
      labels.push_back(reference_label(points.row(i), centroids, clusters, rows.dim));
    }
    if (labels == previous) break;
    previous = labels;
    std::vector<double> next = reference_means(points, candidates.counts, labels, centroids);
    const Points as_rows{clusters, rows.dim, next};
    std::set<std::vector<double>> distinct;
    for (int k = 0; k < clusters; ++k) distinct.insert({as_rows.row(k), as_rows.row(k + 1)});
    if (std::ssize(distinct) < clusters) break;
    centroids = std::move(next);
  }
  reference_rounding(!origin.empty(), origin, centroids);
  return centroids;
}

}  // namespace datus::test
