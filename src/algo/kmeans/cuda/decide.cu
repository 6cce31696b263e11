// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/approximate.hpp"
#include "algo/kmeans/cuda/tensor.hpp"
#include "datus/core/cuda/launch.hpp"

namespace datus::clustering::gpu {
namespace {

constexpr unsigned threads = 256;
constexpr unsigned rows_of_block = threads / 32;
constexpr unsigned whole_warp = 0xFFFFFFFFU;

/// A score, or a squared distance in f64.
template <class T>
struct Lowest {
  T score;
  std::int32_t label;
};

/// The lowest one of a warp, the lower index on ties, for all its threads.
template <class T>
__device__ Lowest<T> lowest_of_warp(Lowest<T> lowest) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const Lowest<T> other{__shfl_xor_sync(whole_warp, lowest.score, distance),
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

__device__ double add_square(float x, float c, double chain) {
  const double difference = static_cast<double>(x) - static_cast<double>(c);
  return __fma_rn(difference, difference, chain);
}

/// The squared distance as `kmeans` defines it. What fills rows up adds nothing.
__device__ double squared_distance(const float* row, const float* centroid, int pitch) {
  double distance = 0.0;
  for (int d = 0; d < pitch; d += 4) {
    const float4 x = *reinterpret_cast<const float4*>(row + d);
    const float4 c = *reinterpret_cast<const float4*>(centroid + d);
    distance = add_square(x.x, c.x, distance);
    distance = add_square(x.y, c.y, distance);
    distance = add_square(x.z, c.z, distance);
    distance = add_square(x.w, c.w, distance);
  }
  return distance;
}

/// Goes on with the two lowest scores, of which `second` may be as low as `lowest`.
__device__ void take(float score, std::int32_t label, Lowest<float>* lowest, float* second) {
  if (score < lowest->score) {
    *second = lowest->score;
    *lowest = {score, label};
  } else if (score < *second) {
    *second = score;
  }
}

/// The lowest of all scores of a warp but the one of `lowest`, which only one thread has taken. second, mine: the two
/// lowest ones of this thread.
__device__ float second_of_warp(float second, const Lowest<float>& mine, const Lowest<float>& lowest) {
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
  double norm;
};

/// The nearest in f64 of all centroids whose approximate score is not above `limit`.
__device__ std::int32_t settle(const Row& row, const CentroidView& centroids, int pitch, double limit, int lane) {
  Lowest<double> lowest{HUGE_VAL, 0};
  for (int k = lane; k < centroids.clusters; k += 32) {
    const float approximate = __fmaf_rn(-2.0F, row.products[k], centroids.norms[k]);
    // Written so that what is not a number is looked at.
    if (static_cast<double>(approximate) > limit) continue;
    const double distance = squared_distance(row.values, centroids.values + std::int64_t{k} * pitch, pitch);
    if (distance < lowest.score) lowest = {distance, k};
  }
  return lowest_of_warp(lowest).label;
}

__device__ std::int32_t decide(const Row& row, const CentroidView& centroids, int dim, int pitch, int lane) {
  Lowest<float> mine{__uint_as_float(0x7F800000U), -1};
  float second = mine.score;
  float largest_norm = 0.0F;
  for (int k = lane; k < centroids.clusters; k += 32) {
    const float norm = centroids.norms[k];
    take(__fmaf_rn(-2.0F, row.products[k], norm), k, &mine, &second);
    if (!(norm <= largest_norm)) largest_norm = norm;
  }
  const Lowest<float> lowest = lowest_of_warp(mine);
  second = second_of_warp(second, mine, lowest);
  const double error = approximate_score_error(dim, row.norm, largest_of_warp(largest_norm));
  // The nearest one's score is at most the real one of `lowest`, and each is off by `error` at most. With an error that
  // is finite all scores are.
  const double limit = static_cast<double>(lowest.score) + 2.0 * error;
  if (static_cast<double>(second) > limit) return lowest.label;
  return settle(row, centroids, pitch, limit, lane);
}

/// A warp for each row.
__global__ void __launch_bounds__(threads)
    decide_kernel(Slab slab, CentroidView centroids, const float* products, const double* norms, std::int32_t* labels) {
  const std::int64_t i = std::int64_t{blockIdx.x} * rows_of_block + threadIdx.x / 32;
  if (i >= slab.count) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const Row row{slab.values + i * slab.pitch, products + i * centroids.clusters, norms[slab.first + i]};
  const std::int32_t label = decide(row, centroids, slab.dim, slab.pitch, lane);
  if (lane == 0) labels[i] = label;
}

}  // namespace

void decide(const Slab& slab, const CentroidView& centroids, const float* products, const double* norms,
            std::int32_t* labels, const cuda::Stream& stream) {
  const auto blocks = static_cast<unsigned>((slab.count + rows_of_block - 1) / rows_of_block);
  cuda::launch(stream, {blocks, threads}, "the decision between centroids", &decide_kernel, slab, centroids, products,
               norms, labels);
}

}  // namespace datus::clustering::gpu
