// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/recluster.hpp"

#include "algo/kmeans/float_mode.hpp"
#include "algo/kmeans/nearest_search.hpp"
#include "algo/kmeans/random.hpp"
#include "algo/kmeans/row_lookup.hpp"
#include "algo/kmeans/search_centroids.hpp"
#include "datus/core/parallel.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace datus::clustering {
namespace {

/// Measured on blobs: with 5, 10 and 30 the final inertia of the rows is the same to 0.5 %.
constexpr int most_iterations = 10;

/// Points that a round of k-means++ tries. Measured on blobs, K = 27 and 50: with one the final inertia is 1 to 2 %
/// above that of k-means++ over the rows, with five 1 to 3 % below; for K = 300 it makes no difference. The time of
/// all rounds is that of K^2 * tries distances, so that large K must do with one.
int tries_of(int clusters) {
  return std::clamp(1024 / clusters, 1, 5);
}
/// Numbers of a round's draws: above the most tries, so that they do not depend on their number.
constexpr std::uint32_t draws_per_round = 8;

/// Calls body(begin, count) for pieces of `points`, on up to `threads` threads.
void for_each_piece(std::int64_t points, std::int64_t piece, int threads,
                    const std::function<void(std::int64_t begin, std::int64_t count)>& body) {
  parallel_for((points + piece - 1) / piece, threads, [&](std::int64_t i) {
    const IeeeFloatMode ieee;
    body(i * piece, std::min(piece, points - i * piece));
  });
}

/// The winner of an exponential race in which point i has the rate weights[i] * distances[i]; the lowest index on ties.
std::int64_t winner(std::span<const std::int64_t> weights, std::span<const double> distances, DrawKey key,
                    std::uint32_t round) {
  double lowest = std::numeric_limits<double>::infinity();
  std::int64_t best = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (distances[i] == 0.0) continue;
    const double rate = static_cast<double>(weights[i]) * distances[i];
    const double u = kmeans_uniform(key, i, round);
    if (!can_win(u, rate, lowest)) continue;
    const double time = negative_log(u) / rate;
    if (time >= lowest) continue;
    lowest = time;
    best = static_cast<std::int64_t>(i);
  }
  return best;
}

/// A point that may be chosen next.
struct Trial {
  std::int64_t point = 0;
  /// [count]: every point's squared distance to the nearest chosen one, if this one were chosen.
  std::vector<double> distances = {};
  /// The inertia that this leaves: the sum of weight * distance, in the order of the points.
  double inertia = 0.0;
};

/// `distances`: [count], before the trials.
void measure(const WeightedPoints& points, std::span<const double> distances, const Kernels& kernels, int threads,
             std::vector<Trial>& trials) {
  constexpr std::int64_t piece = 256;
  const int dim = points.dim;
  for (Trial& trial : trials) trial.distances.resize(distances.size());
  for_each_piece(points.count(), piece, threads, [&](std::int64_t begin, std::int64_t count) {
    for (Trial& trial : trials) {
      double* const to = trial.distances.data() + begin;
      const double* const point = points.values.data() + trial.point * dim;
      kernels.precise_squared_distances(points.values.data() + begin * dim, count, dim, point, 1, to);
      std::transform(to, to + count, distances.begin() + begin, to, [](double a, double b) { return std::min(a, b); });
    }
  });
  for (Trial& trial : trials) {
    trial.inertia = 0.0;
    for (std::size_t i = 0; i < distances.size(); ++i) {
      trial.inertia += static_cast<double>(points.weights[i]) * trial.distances[i];
    }
  }
}

/// Greedy weighted k-means++. The points differ, so that as long as not all are chosen one of them has a distance.
std::vector<double> choose_points(const WeightedPoints& points, int clusters, DrawKey key, const Kernels& kernels,
                                  int threads) {
  std::vector<double> distances(points.weights.size(), 1.0);
  std::vector<Trial> trials(1);
  std::vector<double> chosen;
  for (int k = 0; k < clusters; ++k) {
    for (std::size_t i = 0; i < trials.size(); ++i) {
      const std::size_t draw = static_cast<std::size_t>(k) * draws_per_round + i;
      trials[i].point = winner(points.weights, distances, key, static_cast<std::uint32_t>(draw));
    }
    if (k == 0) std::ranges::fill(distances, std::numeric_limits<double>::infinity());
    measure(points, distances, kernels, threads, trials);
    Trial& best = *std::ranges::min_element(trials, {}, &Trial::inertia);
    const double* const point = points.values.data() + best.point * points.dim;
    chosen.insert(chosen.end(), point, point + points.dim);
    distances.swap(best.distances);
    trials.resize(static_cast<std::size_t>(tries_of(clusters)));
  }
  return chosen;
}

std::vector<std::int32_t> nearest_centroids(const WeightedPoints& points, std::span<const double> centroids,
                                            int clusters, const Kernels& kernels, int threads) {
  const SearchCentroids targets(centroids, clusters, points.dim);
  const std::vector<double> zero(static_cast<std::size_t>(points.dim));
  std::vector<std::int32_t> labels(points.weights.size());
  for_each_piece(points.count(), strip_rows, threads, [&](std::int64_t begin, std::int64_t count) {
    const double* const precise = points.values.data() + begin * points.dim;
    const std::vector<float> values(precise, precise + count * points.dim);
    double norms[strip_rows];
    kernels.precise_squared_distances(precise, count, points.dim, zero.data(), 1, norms);
    NearestRows found;
    NearestSearch(targets, kernels).find({begin, count, values.data(), precise}, norms, found);
    std::copy_n(found.labels, count, labels.begin() + begin);
  });
  return labels;
}

/// The weighted means of the points of each centroid, added up in the order of the points; a centroid without points
/// stays.
std::vector<double> means(const WeightedPoints& points, std::span<const std::int32_t> labels,
                          std::vector<double> centroids) {
  const auto dim = static_cast<std::size_t>(points.dim);
  std::vector<double> sums(centroids.size());
  std::vector<std::int64_t> weights(centroids.size() / dim);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto k = static_cast<std::size_t>(labels[i]);
    weights[k] += points.weights[i];
    const auto weight = static_cast<double>(points.weights[i]);
    const double* const point = points.values.data() + i * dim;
    double* const sum = sums.data() + k * dim;
    for (std::size_t d = 0; d < dim; ++d) sum[d] += weight * point[d];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::int64_t weight = weights[i / dim];
    if (weight > 0) centroids[i] = sums[i] / static_cast<double>(weight);
  }
  return centroids;
}

}  // namespace

std::vector<double> recluster(const WeightedPoints& points, int clusters, DrawKey key, const Kernels& kernels,
                              int threads) {
  std::vector<double> centroids = choose_points(points, clusters, key, kernels, threads);
  std::vector<std::int32_t> labels;
  for (int iteration = 0; iteration < most_iterations; ++iteration) {
    std::vector<std::int32_t> next_labels = nearest_centroids(points, centroids, clusters, kernels, threads);
    if (next_labels == labels) break;
    labels = std::move(next_labels);
    std::vector<double> next = means(points, labels, centroids);
    // Two clusters of the same centroid would be one.
    if (!RowLookup(next, points.dim).all_differ()) break;
    centroids = std::move(next);
  }
  return centroids;
}

}  // namespace datus::clustering
