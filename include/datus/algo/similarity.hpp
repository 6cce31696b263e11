// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// The rows of [n, dim] at unit length, the length in f64 in index order; a row of zeros stays.
[[nodiscard]] std::vector<float> unit_embeddings(std::span<const float> embeddings, int dim);

/// How alike embeddings and clusters are: the largest cosine between an embedding and the centroids of a cluster.
///
/// `embeddings` [n, dim] at unit length; `centroids` [F, dim], scaled to unit length first (the length in f64 in index
/// order); `cluster_of_centroid` [F], each of [0, clusters). A cosine is one sequential f32 chain of fused
/// multiply-adds, the same bits on every path. Returns [n, clusters]; a cluster without a centroid has -1.
///
/// Not collective, one thread. Throws `InputError` when the sizes do not agree; `UsageError` for a path that this CPU
/// lacks.
[[nodiscard]] std::vector<float> cluster_similarities(std::span<const float> embeddings, int dim,
                                                      std::span<const double> centroids,
                                                      std::span<const std::int32_t> cluster_of_centroid, int clusters,
                                                      SimdPath path = best_simd_path());

}  // namespace datus
