// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/algo/kmeans_rows.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace datus {

/// How good one K's clusters are without labels: an aid in choosing K.
struct KMeansQuality {
  int clusters = 0;
  /// Simplified silhouette, in [0, 1]; null with fewer than two clusters that have rows.
  std::optional<double> silhouette;
  /// Mean adjusted Rand index of all pairs of restarts; null for one restart, for K = 1, and for a K whose tables are
  /// too large.
  std::optional<double> stability;
};

/// Execution of `kmeans_quality`: nothing here decides the result, but for tables that are too large.
struct KMeansQualityOptions {
  /// Threads of this rank.
  int threads = 1;
  SimdPath path = best_simd_path();
  /// The most cells, 8 bytes each, of the contingency tables that a rank holds in one pass (64 MiB). K = 2896 is the
  /// largest whose table of K x K fits.
  std::int64_t table_cells = std::int64_t{1} << 23U;
};

/// Silhouette and stability of results of `kmeans`, for the same rows. COLLECTIVE. Returns one entry for each result,
/// in that order, to the bit the same for any number of ranks and threads, any split of the rows and any SIMD path.
///
/// - Silhouette: of the restart that was kept. A row's a and b are its distances to the nearest centroid and to the
///   nearest one of the other clusters; it has s = (b - a) / max(a, b), or 0 where both vanish; the silhouette is the
///   mean of s. Clusters without rows (by `KMeansResult::assignment`) are no part of the partition and give no b.
///   Distances are roots of those of `kmeans` in f64; b's may come from scores in f32 where their error bound is below
///   a thousandth of it. s is rounded to int64 in fixed point, to nearest even, with a unit of 2^-50 or what keeps the
///   sum of all rows within 2^61. Source: Hruschka, de Castro and Campello, "Evolutionary algorithms for clustering
///   gene-expression data", 2004.
/// - Stability: each row is assigned to the centroids of every restart. The adjusted Rand index of two restarts comes
///   from their exact contingency table; the mean is over all pairs of restarts.
///
/// All K share one pass over the rows, at about the price of one iteration of all (K, restart) pairs. When the tables
/// of all pairs of restarts exceed `table_cells`, they are filled in several passes; a K with one table beyond that
/// limit gets no stability, and a line in the log. Nothing of the rows' number is stored.
///
/// Results need clusters, restart, centroids, assignment and restarts; restarts may be empty, for centroids that were
/// given. Throws `AgreedError` on all ranks, with exit code usage: results differ between ranks (but for the
/// assignment) or do not fit the rows. What `rows` throws is passed on, on its rank alone.
[[nodiscard]] std::vector<KMeansQuality> kmeans_quality(const KMeansRows& rows, std::span<const KMeansResult> results,
                                                        const KMeansQualityOptions& options, Communicator& comm);

}  // namespace datus
