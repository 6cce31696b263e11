// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/lloyd.hpp"
#include "datus/algo/kmeans.hpp"

#include <algorithm>

namespace datus {

namespace {

/// While the first centroids of a pair are chosen: for each row the distance to the nearest choice, and with k-means||
/// its index.
std::int64_t seeding_bytes_per_row(KMeansOptions::Init init) noexcept {
  switch (init) {
    case KMeansOptions::Init::kmeans_plus_plus:
      return sizeof(double);
    case KMeansOptions::Init::kmeans_parallel:
      return sizeof(double) + sizeof(std::int32_t);
    case KMeansOptions::Init::random:
    case KMeansOptions::Init::given:
      break;
  }
  return 0;
}

/// While rows are assigned: the label, and the bounds on distances where there are any.
std::int64_t pass_bytes_per_row(const KMeansOptions& options, int clusters) noexcept {
  constexpr std::int64_t label = sizeof(std::int32_t);
  constexpr std::int64_t bound = sizeof(float);
  const bool is_bounded = options.mode == KMeansOptions::Mode::fast || clusters >= clustering::bounded_clusters;
  return is_bounded ? label + 2 * bound : label;
}

}  // namespace

std::int64_t kmeans_bytes_per_row(const KMeansOptions& options) noexcept {
  constexpr std::int64_t norm = sizeof(double);
  std::int64_t of_pairs = 0;
  for (const int clusters : options.clusters) {
    // What seeding holds is gone when the labels and bounds come.
    const std::int64_t of_pair = std::max(seeding_bytes_per_row(options.init), pass_bytes_per_row(options, clusters));
    of_pairs += of_pair * options.restarts;
  }
  return norm + of_pairs;
}

std::int64_t kmeans_bytes_of_centroids(const KMeansOptions& options, int dim) noexcept {
  // f64: current, previous, in the result, and f32: packed for the kernels; with k-means|| about 2 K candidates in each
  // of 5 rounds, some of them packed. i64, twice in a precise pair: the sums of the rank, those of each thread and
  // their total, and the message of the collective with the copy that a library may make of it.
  const std::int64_t values = options.init == KMeansOptions::Init::kmeans_parallel ? 18 : 4;
  const std::int64_t sums = 2 * (4 + std::int64_t{options.threads});
  std::int64_t clusters = 0;
  for (const int k : options.clusters) clusters += k;
  const std::int64_t bytes_of_value = values * std::int64_t{sizeof(double)} + sums * std::int64_t{sizeof(std::int64_t)};
  return clusters * options.restarts * dim * bytes_of_value;
}

}  // namespace datus
