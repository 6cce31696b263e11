#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace datus::lloyd {

/// centroids[k] = sums[k] / (counts[k] * 2^scale_log2) for clusters with rows, then the repair of those without, as
/// `kmeans` defines it. centroids and sums are [K, D], counts and inertia (of the clusters, any unit) [K], over all
/// ranks. Returns how many clusters were repaired.
std::int64_t update_centroids(std::span<const std::int64_t> sums, std::span<const std::int64_t> counts,
                              std::vector<std::int64_t> inertia, int scale_log2, std::span<float> centroids);

}  // namespace datus::lloyd
