#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// centroids[k] = sums[k] / (counts[k] * 2^scale_log2) for clusters with rows, rounded once to f32; the others stay.
/// centroids and sums are [K, D], counts [K], over all ranks.
void take_means(std::span<const std::int64_t> sums, std::span<const std::int64_t> counts, int scale_log2,
                std::span<float> centroids);

/// The repair of clusters without rows, as `kmeans` defines it. counts and inertia (of the clusters, any unit) are [K],
/// over all ranks. Returns how many clusters were repaired.
std::int64_t refill_empty(std::span<const std::int64_t> counts, std::vector<std::int64_t> inertia,
                          std::span<float> centroids);

}  // namespace datus::clustering
