#include "algo/kmeans/cuda/kernels.hpp"
#include "algo/kmeans/inertia.hpp"
#include "algo/kmeans/totals.hpp"
#include "datus/core/cuda/dynamic_shared.cuh"
#include "datus/core/cuda/launch.hpp"

namespace datus::clustering::gpu {
namespace {

constexpr unsigned threads = 256;
constexpr unsigned whole_warp = 0xFFFFFFFFU;
/// Up to so many clusters, a block adds up their inertia in shared memory first.
constexpr int shared_clusters = 4096;

/// Integers that wrap: their sums do not depend on the order.
__device__ void add(std::int64_t* to, std::int64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}

/// A warp takes one row from one cluster to another.
__device__ void move(const float* row, int dim, float norm, std::int32_t from, std::int32_t to, const Units& units,
                     const PairView& pair, int lane) {
  for (int d = lane; d < dim; d += 32) {
    const std::int64_t term = __double2ll_rn(static_cast<double>(row[d]) * units.sum_scale);
    add(pair.sums + std::int64_t{to} * dim + d, term);
    if (from >= 0) add(pair.sums + std::int64_t{from} * dim + d, -term);
  }
  if (lane != 0) return;
  const std::int64_t square = __double2ll_rn(static_cast<double>(norm) * units.inertia_scale);
  add(pair.counts + to, 1);
  if (pair.squares != nullptr) add(pair.squares + to, square);
  if (from < 0) return;
  add(pair.counts + from, -1);
  if (pair.squares != nullptr) add(pair.squares + from, -square);
}

/// Numbers of rows that lane 0 of a warp counts.
struct RowCounts {
  std::int64_t moved = 0;
  std::int64_t unrepresentable = 0;
};

/// The 32 rows of a warp from `begin` on. inertia: [K], of the block or of the rank; null in fast mode.
__device__ void accumulate_rows(const Slab& slab, std::int64_t begin, const std::int32_t* found, const float* scores,
                                const float* norms, const Units& units, const PairView& pair, std::int64_t* inertia,
                                RowCounts* counts) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t i = begin + lane;
  const bool exists = i < slab.count;
  const std::int32_t to = exists ? found[i] : 0;
  const float norm = exists ? norms[slab.first + i] : 0.0F;
  const double own = exists ? inertia_in_units(norm, scores[i], units.inertia_scale) : 0.0;
  // NaN fails the comparison.
  const bool representable = own <= units.row_limit;
  if (exists && representable && inertia != nullptr) add(inertia + to, __double2ll_rn(own));
  counts->unrepresentable += __popc(__ballot_sync(whole_warp, !representable));

  std::int32_t from = to;
  if (exists) {
    from = pair.labels[slab.first + i];
    pair.labels[slab.first + i] = to;
  }
  if (pair.sums == nullptr) return;
  unsigned moved = __ballot_sync(whole_warp, from != to);
  counts->moved += __popc(moved);
  for (; moved != 0; moved &= moved - 1) {
    const int of = __ffs(static_cast<int>(moved)) - 1;
    move(slab.values + (begin + of) * slab.pitch, slab.dim, __shfl_sync(whole_warp, norm, of),
         __shfl_sync(whole_warp, from, of), __shfl_sync(whole_warp, to, of), units, pair, lane);
  }
}

__global__ void __launch_bounds__(threads)
    accumulate_kernel(Slab slab, const std::int32_t* found, const float* scores, const float* norms, Units units,
                      PairView pair, bool in_shared) {
  std::int64_t* const of_block = cuda::dynamic_shared<std::int64_t>();
  if (in_shared) {
    for (int k = static_cast<int>(threadIdx.x); k < pair.clusters; k += threads) of_block[k] = 0;
    __syncthreads();
  }
  RowCounts counts;
  const std::int64_t begin = std::int64_t{blockIdx.x} * threads + threadIdx.x / 32 * 32;
  accumulate_rows(slab, begin, found, scores, norms, units, pair, in_shared ? of_block : pair.inertia, &counts);
  if (threadIdx.x % 32 == 0) {
    if (counts.moved > 0) add(pair.moved, counts.moved);
    if (counts.unrepresentable > 0) add(pair.unrepresentable, counts.unrepresentable);
  }
  if (!in_shared) return;
  __syncthreads();
  for (int k = static_cast<int>(threadIdx.x); k < pair.clusters; k += threads) {
    if (of_block[k] != 0) add(pair.inertia + k, of_block[k]);
  }
}

/// Threads from clusters on only fill up.
__global__ void __launch_bounds__(threads)
    norms_kernel(const float* values, int clusters, int padded, int dim, int pitch, float* norms) {
  const int k = static_cast<int>(blockIdx.x * threads + threadIdx.x);
  if (k >= padded) return;
  float norm = k < clusters ? 0.0F : __uint_as_float(0x7F800000U);
  if (k < clusters) {
    const float* const centroid = values + std::int64_t{k} * pitch;
    for (int d = 0; d < dim; ++d) norm = __fmaf_rn(centroid[d], centroid[d], norm);
  }
  norms[k] = norm;
}

__global__ void __launch_bounds__(threads)
    inertia_kernel(TotalsView totals, const float* centroids, int clusters, int dim, int pitch, Units units,
                   double sum_unit, std::int64_t* inertia) {
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
  const int padded = padded_clusters(clusters);
  cuda::launch(stream, {blocks_for(padded), threads}, "the norms of centroids", &norms_kernel, values, clusters, padded,
               dim, pitch, norms);
}

void accumulate(const Slab& slab, const std::int32_t* found, const float* scores, const float* norms,
                const Units& units, const PairView& pair, const cuda::Stream& stream) {
  const bool in_shared = pair.inertia != nullptr && pair.clusters <= shared_clusters;
  const std::size_t shared = in_shared ? sizeof(std::int64_t) * static_cast<std::size_t>(pair.clusters) : 0;
  cuda::launch(stream, {blocks_for(slab.count), threads, shared}, "the sums of rows", &accumulate_kernel, slab, found,
               scores, norms, units, pair, in_shared);
}

void inertia_of_clusters(const TotalsView& totals, const float* centroids, int clusters, int dim, int pitch,
                         const Units& units, std::int64_t* inertia, const cuda::Stream& stream) {
  cuda::launch(stream, {blocks_for(clusters), threads}, "the inertia of clusters", &inertia_kernel, totals, centroids,
               clusters, dim, pitch, units, 1.0 / units.sum_scale, inertia);
}

void means_of_clusters(const TotalsView& totals, const float* centroids, int clusters, int dim, int pitch,
                       double sum_scale, float* means, const cuda::Stream& stream) {
  cuda::launch(stream, {blocks_for(std::int64_t{clusters} * dim), threads}, "the means of clusters", &means_kernel,
               totals, centroids, clusters, dim, pitch, sum_scale, means);
}

}  // namespace datus::clustering::gpu
