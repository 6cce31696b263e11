// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace datus::clustering {

/// All that must be equal on all ranks, the given centroids and the state to go on from included, as a text to compare:
/// ranks that go on from different states would meet in different collectives.
[[nodiscard]] std::string fingerprint(const KMeansOptions& options, std::span<const double> given, int dim);

/// The part of it on which a single (K, restart) pair depends.
[[nodiscard]] std::string pair_fingerprint(const KMeansOptions& options, std::span<const double> given, int dim);

/// Throws `UsageError` for threads, a path, a length of rows or a GPU (null: none) that cannot be.
void check_execution(int threads, SimdPath path, int dim, const KMeansGpu* gpu = nullptr);

/// Throws `UsageError` or `InputError` unless the centroids are `clusters` finite rows of length `dim`.
void check_centroids(std::span<const double> centroids, int clusters, int dim);

/// Throws `UsageError` or `InputError` for settings that cannot be.
void check_options(const KMeansOptions& options, std::span<const double> given, int dim);

/// Throws `UsageError` when a K is more than there are rows.
void check_cluster_count(const std::vector<int>& clusters, std::int64_t rows);

}  // namespace datus::clustering
