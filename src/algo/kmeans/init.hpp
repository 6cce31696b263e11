// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/engine.hpp"
#include "algo/kmeans/lloyd.hpp"

#include <cstdint>
#include <vector>

namespace datus::clustering {

// Each takes pairs in KMeansPhase::seeding and leaves them in KMeansPhase::iterating, with their first centroids as
// `kmeans` defines them.

/// COLLECTIVE. k-means++: round by round for all pairs over the same pass of the rows, in three allreduces. Goes on
/// from the rows that a pair has chosen. Throws `AgreedError` when a pair has more clusters than there are distinct
/// rows, and when a rank was asked to stop.
void choose_by_distance(const Context& context, Engine& engine, std::uint64_t seed,
                        const std::vector<KMeansPair*>& pairs);

/// COLLECTIVE. k-means||: a few passes over the rows for all pairs together, whatever K. Throws as the above.
void choose_by_oversampling(const Context& context, std::uint64_t seed, const std::vector<KMeansPair*>& pairs);

/// COLLECTIVE. Random rows. K <= n.
void choose_random_rows(const Context& context, std::uint64_t seed, const std::vector<KMeansPair*>& pairs);

/// Throws the `AgreedError` for a pair with more clusters than the rows have distinct values.
[[noreturn]] void throw_too_few_rows(std::int64_t distinct, int clusters);

}  // namespace datus::clustering
