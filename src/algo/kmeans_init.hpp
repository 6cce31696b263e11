#pragma once

#include "algo/kmeans_lloyd.hpp"

#include <cstdint>
#include <span>

namespace datus::lloyd {

/// COLLECTIVE. Sets the first centroids of all pairs by k-means++, as `kmeans` defines it: round by round for all pairs
/// over the same pass of the rows, in three allreduces. Throws `AgreedError` when a pair has more clusters than there
/// are distinct rows.
void choose_by_distance(const Context& context, std::uint64_t seed, std::span<KMeansPairState> pairs);

/// COLLECTIVE. Sets the first centroids of all pairs to random rows, as `kmeans` defines it. K <= n.
void choose_random_rows(const Context& context, std::uint64_t seed, std::span<KMeansPairState> pairs);

}  // namespace datus::lloyd
