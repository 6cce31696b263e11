// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/cuda/views.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstdint>

namespace datus::clustering::gpu {

// Each puts a kernel into the stream; all pointers are to memory of the GPU. The arithmetic is that of the CPU's
// kernels (algo/kmeans/kernels.hpp), to the bit.

/// norms[k] = |c_k|^2, rounded once to f32. values: [K, pitch].
void norms_of_centroids(const float* values, int clusters, int dim, int pitch, float* norms,
                        const cuda::Stream& stream);

/// Books the slab's rows under the labels that were found, as the CPU's `Ledger` does: totals by the rows that moved.
/// found: [slab.count]; norms: |x|^2, [local rows].
void accumulate(const Slab& slab, const std::int32_t* found, const double* norms, const Units& units,
                const PairView& pair, const cuda::Stream& stream);

/// Totals of all ranks.
struct TotalsView {
  const std::int64_t* counts;
  const std::int64_t* squares;
  const std::int64_t* sums;
};

/// inertia[k] from the totals of cluster k: `inertia_of_totals`. centroids: [K, pitch].
void inertia_of_clusters(const TotalsView& totals, const float* centroids, int clusters, int dim, int pitch,
                         const Units& units, double* inertia, const cuda::Stream& stream);

/// means [K, D]: `mean_of` for clusters with rows, the centroid [K, pitch] for the others.
void means_of_clusters(const TotalsView& totals, const float* centroids, int clusters, int dim, int pitch,
                       double sum_scale, float* means, const cuda::Stream& stream);

}  // namespace datus::clustering::gpu
