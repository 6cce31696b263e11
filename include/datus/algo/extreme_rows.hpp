// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_rows.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// Clusters of the rows that `extreme_rows` passes over.
struct RowClusters {
  std::span<const double> centroids;  ///< [K, D]
  int clusters = 0;
  std::span<const std::int32_t> labels;  ///< [local rows]
  /// The cluster of each label; empty: the labels are the clusters.
  std::span<const std::int32_t> cluster_of_label;
};

/// So many rows of each cluster, [K, count]: their global indices, and their distances to the centroid. A cluster with
/// fewer rows has -1 and NaN behind its last.
struct ChosenRows {
  int count = 0;
  std::vector<std::int64_t> row;
  std::vector<double> distance;
};

/// What the clusters are like at their best and at their worst.
struct ExtremeRows {
  ChosenRows nearest;   ///< by rising distance
  ChosenRows farthest;  ///< by falling distance
};

/// How many of them are asked for.
struct ExtremeCounts {
  int nearest = 16;
  int farthest = 4;
};

/// For each cluster of each of `clusterings` the rows that are nearest to its centroid and farthest from it, of those
/// that have its label; the lower row on ties. The distance is the root of that of `kmeans`, in f64. One pass over the
/// rows for all of them. COLLECTIVE; the result is the same on all ranks and, to the bit, for any number of ranks and
/// threads, any split of the rows and any SIMD path. Nothing of the rows' number is stored, nor of the ranks'.
///
/// Throws `AgreedError` on all ranks, with exit code usage: centroids or counts differ between ranks, labels do not fit
/// the rows or name a cluster that is not there. What `rows` throws is passed on, on its rank alone.
[[nodiscard]] std::vector<ExtremeRows> extreme_rows(const KMeansRows& rows, std::span<const RowClusters> clusterings,
                                                    ExtremeCounts counts, int threads, SimdPath path,
                                                    Communicator& comm);

/// Bytes that it holds at most for so many clusters of all clusterings, its result included.
[[nodiscard]] std::int64_t extreme_rows_bytes(std::int64_t clusters, ExtremeCounts counts) noexcept;

}  // namespace datus
