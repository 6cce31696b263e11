// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace datus {

/// The rows of [n, dim] at unit length, the length in f64 in index order; a row of zeros stays.
[[nodiscard]] std::vector<float> unit_embeddings(std::span<const float> embeddings, int dim);

/// The clusters of one clustering, each of one centroid or of several.
struct ClusterCentroids {
  std::span<const double> centroids;      ///< [F, dim]
  std::span<const std::int32_t> cluster;  ///< [F], each of [0, clusters)
  int clusters = 0;
};

/// How alike embeddings and the clusters of several clusterings are: the largest cosine between an embedding and the
/// centroids of a cluster. Clusterings with the same centroids, which differ in what they join of them, share the
/// cosines.
///
/// Centroids are scaled to unit length (the length in f64 in index order). A cosine is one sequential f32 chain of
/// fused multiply-adds, the same bits on every path.
///
/// It keeps the centroids and memory for the embeddings of an image, both as f32. Not collective; one object for each
/// thread.
class ClusterSimilarities {
 public:
  /// Throws `InputError` when the sizes do not agree; `UsageError` for a path that this CPU lacks.
  ClusterSimilarities(std::span<const ClusterCentroids> clusterings, int dim, SimdPath path = best_simd_path());
  ~ClusterSimilarities();
  ClusterSimilarities(ClusterSimilarities&&) noexcept;
  ClusterSimilarities& operator=(ClusterSimilarities&&) noexcept;

  /// Of embeddings [n, dim] at unit length: [n, clusters of all clusterings, one clustering after the other]; a cluster
  /// without a centroid has -1. Throws `InputError` for embeddings of another width.
  [[nodiscard]] std::vector<float> of(std::span<const float> embeddings);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace datus
