// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/cuda/kernels.hpp"
#include "algo/kmeans/totals.hpp"
#include "datus/core/cuda/launch.hpp"

namespace datus::clustering::gpu {
namespace {

constexpr unsigned threads = 256;
constexpr unsigned whole_warp = 0xFFFFFFFFU;
/// Integers that wrap: their sums do not depend on the order.
__device__ void add(std::int64_t* to, std::int64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}

/// A warp takes one row from one cluster to another.
__device__ void move(const float* row, int dim, double norm, std::int32_t from, std::int32_t to, const Units& units,
                     const PairView& pair, int lane) {
  for (int d = lane; d < dim; d += 32) {
    const std::int64_t term = __double2ll_rn(static_cast<double>(row[d]) * units.sum_scale);
    add(pair.sums + std::int64_t{to} * dim + d, term);
    if (from >= 0) add(pair.sums + std::int64_t{from} * dim + d, -term);
  }
  if (lane != 0) return;
  const std::int64_t square = __double2ll_rn(norm * units.inertia_scale);
  add(pair.counts + to, 1);
  add(pair.squares + to, square);
  if (from < 0) return;
  add(pair.counts + from, -1);
  add(pair.squares + from, -square);
}

/// A warp for 32 rows.
__global__ void __launch_bounds__(threads)
    accumulate_kernel(Slab slab, const std::int32_t* found, const double* norms, Units units, PairView pair) {
  const std::int64_t begin = std::int64_t{blockIdx.x} * threads + threadIdx.x / 32 * 32;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t i = begin + lane;
  const bool exists = i < slab.count;
  const std::int32_t to = exists ? found[i] : 0;
  const double norm = exists ? norms[slab.first + i] : 0.0;
  std::int32_t from = to;
  if (exists) {
    from = pair.labels[slab.first + i];
    pair.labels[slab.first + i] = to;
  }
  unsigned moved = __ballot_sync(whole_warp, from != to);
  if (lane == 0 && moved != 0) add(pair.moved, __popc(moved));
  for (; moved != 0; moved &= moved - 1) {
    const int of = __ffs(static_cast<int>(moved)) - 1;
    move(slab.values + (begin + of) * slab.pitch, slab.dim, __shfl_sync(whole_warp, norm, of),
         __shfl_sync(whole_warp, from, of), __shfl_sync(whole_warp, to, of), units, pair, lane);
  }
}

__global__ void __launch_bounds__(threads)
    norms_kernel(const float* values, int clusters, int dim, int pitch, float* norms) {
  const int k = static_cast<int>(blockIdx.x * threads + threadIdx.x);
  if (k >= clusters) return;
  const float* const centroid = values + std::int64_t{k} * pitch;
  double norm = 0.0;
  for (int d = 0; d < dim; ++d) {
    const auto value = static_cast<double>(centroid[d]);
    norm = __fma_rn(value, value, norm);
  }
  norms[k] = static_cast<float>(norm);
}

__global__ void __launch_bounds__(threads)
    inertia_kernel(TotalsView totals, const float* centroids, int clusters, int dim, int pitch, Units units,
                   double sum_unit, double* inertia) {
  const int k = static_cast<int>(blockIdx.x * threads + threadIdx.x);
  if (k >= clusters) return;
  const ClusterTotals of_cluster{totals.sums + std::int64_t{k} * dim, totals.counts[k], totals.squares[k], sum_unit,
                                 units.inertia_scale};
  inertia[k] = inertia_of_totals(of_cluster, centroids + std::int64_t{k} * pitch, dim);
}

__global__ void __launch_bounds__(threads) means_kernel(TotalsView totals, const float* centroids, int clusters,
                                                        int dim, int pitch, double sum_scale, float* means) {
  const std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  if (i >= std::int64_t{clusters} * dim) return;
  const std::int64_t k = i / dim;
  const std::int64_t count = totals.counts[k];
  means[i] = count == 0 ? centroids[k * pitch + i % dim] : mean_of(totals.sums[i], count, sum_scale);
}

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>((count + threads - 1) / threads);
}

}  // namespace

void norms_of_centroids(const float* values, int clusters, int dim, int pitch, float* norms,
                        const cuda::Stream& stream) {
  cuda::launch(stream, {blocks_for(clusters), threads}, "the norms of centroids", &norms_kernel, values, clusters, dim,
               pitch, norms);
}

void accumulate(const Slab& slab, const std::int32_t* found, const double* norms, const Units& units,
                const PairView& pair, const cuda::Stream& stream) {
  cuda::launch(stream, {blocks_for(slab.count), threads}, "the sums of rows", &accumulate_kernel, slab, found, norms,
               units, pair);
}

void inertia_of_clusters(const TotalsView& totals, const float* centroids, int clusters, int dim, int pitch,
                         const Units& units, double* inertia, const cuda::Stream& stream) {
  cuda::launch(stream, {blocks_for(clusters), threads}, "the inertia of clusters", &inertia_kernel, totals, centroids,
               clusters, dim, pitch, units, 1.0 / units.sum_scale, inertia);
}

void means_of_clusters(const TotalsView& totals, const float* centroids, int clusters, int dim, int pitch,
                       double sum_scale, float* means, const cuda::Stream& stream) {
  cuda::launch(stream, {blocks_for(std::int64_t{clusters} * dim), threads}, "the means of clusters", &means_kernel,
               totals, centroids, clusters, dim, pitch, sum_scale, means);
}

}  // namespace datus::clustering::gpu
