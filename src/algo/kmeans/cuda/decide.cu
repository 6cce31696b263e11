#include "algo/kmeans/approximate.hpp"
#include "algo/kmeans/cuda/tensor.hpp"
#include "datus/core/cuda/launch.hpp"

namespace datus::clustering::gpu {
namespace {

constexpr unsigned threads = 256;
constexpr unsigned rows_of_block = threads / 32;
constexpr unsigned whole_warp = 0xFFFFFFFFU;

struct Lowest {
  float score;
  std::int32_t label;
};

/// The lowest score of a warp, the lower index on ties, for all its threads.
__device__ Lowest lowest_of_warp(Lowest lowest) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const Lowest other{__shfl_xor_sync(whole_warp, lowest.score, distance),
                       __shfl_xor_sync(whole_warp, lowest.label, distance)};
    if (other.score < lowest.score || (other.score == lowest.score && other.label < lowest.label)) lowest = other;
  }
  return lowest;
}

__device__ float largest_of_warp(float value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(whole_warp, value, distance);
    // NaN and infinity stay.
    if (!(other <= value)) value = other;
  }
  return value;
}

/// The score as `kmeans` defines it.
__device__ float exact_score(const float* row, const float* centroid, float norm, int pitch) {
  float product = 0.0F;
  for (int d = 0; d < pitch; d += 4) {
    const float4 x = *reinterpret_cast<const float4*>(row + d);
    const float4 c = *reinterpret_cast<const float4*>(centroid + d);
    product = __fmaf_rn(x.x, c.x, product);
    product = __fmaf_rn(x.y, c.y, product);
    product = __fmaf_rn(x.z, c.z, product);
    product = __fmaf_rn(x.w, c.w, product);
  }
  return __fmaf_rn(-2.0F, product, norm);
}

/// Goes on with the two lowest scores, of which `second` may be as low as `lowest`.
__device__ void take(float score, std::int32_t label, Lowest* lowest, float* second) {
  if (score < lowest->score) {
    *second = lowest->score;
    *lowest = {score, label};
  } else if (score < *second) {
    *second = score;
  }
}

/// The lowest of all scores of a warp but the one of `lowest`, which only one thread has taken. second, mine: the two
/// lowest ones of this thread.
__device__ float second_of_warp(float second, const Lowest& mine, const Lowest& lowest) {
  float others = mine.label == lowest.label ? second : mine.score;
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(whole_warp, others, distance);
    if (other < others) others = other;
  }
  return others;
}

/// What a warp knows of one row.
struct Row {
  const float* values;
  const float* products;
  float norm;
};

/// The lowest of the exact scores of all centroids whose approximate score is not above `limit`.
__device__ Lowest settle(const Row& row, const CentroidView& centroids, int pitch, double limit, int lane) {
  Lowest lowest{__uint_as_float(0x7F800000U), 0};
  for (int k = lane; k < centroids.clusters; k += 32) {
    const float norm = centroids.norms[k];
    const float approximate = __fmaf_rn(-2.0F, row.products[k], norm);
    // Written so that what is not a number is looked at.
    if (static_cast<double>(approximate) > limit) continue;
    const float score = exact_score(row.values, centroids.values + std::int64_t{k} * pitch, norm, pitch);
    if (score < lowest.score) lowest = {score, k};
  }
  return lowest_of_warp(lowest);
}

__device__ Lowest decide(const Row& row, const CentroidView& centroids, int dim, int pitch, const Units& units,
                         int lane) {
  Lowest mine{__uint_as_float(0x7F800000U), -1};
  float second = mine.score;
  float largest_norm = 0.0F;
  for (int k = lane; k < centroids.clusters; k += 32) {
    const float norm = centroids.norms[k];
    take(__fmaf_rn(-2.0F, row.products[k], norm), k, &mine, &second);
    if (!(norm <= largest_norm)) largest_norm = norm;
  }
  const Lowest lowest = lowest_of_warp(mine);
  second = second_of_warp(second, mine, lowest);
  const double error = approximate_score_error(dim, row.norm, largest_of_warp(largest_norm));
  // The exact winner's score is at most the exact one of `lowest`, and each is off by `error` at most. With an error
  // that is finite all scores are.
  const double limit = static_cast<double>(lowest.score) + 2.0 * error;
  // Far from the limit of what can be represented, the score itself is not needed any more.
  const double inertia = static_cast<double>(row.norm) + static_cast<double>(lowest.score) + 2.0 * error;
  const bool representable = inertia * units.inertia_scale < 0.5 * units.row_limit;
  if (static_cast<double>(second) > limit && representable) return lowest;
  return settle(row, centroids, pitch, limit, lane);
}

/// A warp for each row.
__global__ void __launch_bounds__(threads)
    decide_kernel(Slab slab, CentroidView centroids, const float* products, const float* norms, Units units,
                  std::int32_t* labels, float* scores) {
  const std::int64_t i = std::int64_t{blockIdx.x} * rows_of_block + threadIdx.x / 32;
  if (i >= slab.count) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const Row row{slab.values + i * slab.pitch, products + i * centroids.clusters, norms[slab.first + i]};
  const Lowest lowest = decide(row, centroids, slab.dim, slab.pitch, units, lane);
  if (lane != 0) return;
  labels[i] = lowest.label;
  scores[i] = lowest.score;
}

}  // namespace

void decide(const Slab& slab, const CentroidView& centroids, const float* products, const float* norms,
            const Units& units, std::int32_t* labels, float* scores, const cuda::Stream& stream) {
  const auto blocks = static_cast<unsigned>((slab.count + rows_of_block - 1) / rows_of_block);
  cuda::launch(stream, {blocks, threads}, "the decision between centroids", &decide_kernel, slab, centroids, products,
               norms, units, labels, scores);
}

}  // namespace datus::clustering::gpu
