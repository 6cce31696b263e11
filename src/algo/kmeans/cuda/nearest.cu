#include "algo/kmeans/cuda/fetch.cuh"
#include "algo/kmeans/cuda/kernels.hpp"
#include "datus/core/cuda/dynamic_shared.cuh"
#include "datus/core/cuda/launch.hpp"

#include <cuda_pipeline.h>

namespace datus::clustering::gpu {
namespace {

/// How a block of threads divides its rows and a group of centroids: like a product of matrices, but for the order of
/// the sum: every thread has the whole chain of each of its (row, centroid) pairs, in index order.
template <int rows_, int row_steps_, int centroid_steps_>
struct Tiling {
  static constexpr int row_steps = row_steps_;
  static constexpr int centroid_steps = centroid_steps_;
  /// Threads side by side along the centroids: a part of a warp, so that shuffles find the nearest one.
  static constexpr int lanes = 8;
  static constexpr int rows = rows_;
  static constexpr int row_threads = rows / row_steps;
  static constexpr int threads = row_threads * lanes;
  static constexpr int centroids = lanes * centroid_steps;
  /// Coordinates of a step, and the distance of rows in shared memory: 16-byte reads of 8 rows that follow each other
  /// come from different banks.
  static constexpr int depth = 16;
  static constexpr int stride = depth + 4;
  /// Steps in shared memory at the same time: one in use, the others on their way.
  static constexpr int stages = 3;
  static constexpr int stage_values = (rows + centroids) * stride;
  static constexpr std::size_t shared_bytes = sizeof(float) * stages * stage_values;
  /// At the same time on a multiprocessor: 168 registers for each thread.
  static constexpr int blocks = 3;
};

/// For K > 32: 8 x 8 pairs for each thread. And for few clusters: 16 x 4, of which less is left unused.
using Wide = Tiling<128, 8, 8>;
using Narrow = Tiling<256, 16, 4>;

/// acc += rows x centroids over the coordinates of one step, in their order.
template <class T>
__device__ void multiply(const float* rows, const float* centroids, float (&chains)[T::row_steps][T::centroid_steps]) {
#pragma unroll
  for (int d = 0; d < T::depth; d += 4) {
    float4 c[T::centroid_steps];
#pragma unroll
    for (int j = 0; j < T::centroid_steps; ++j) {
      c[j] = *reinterpret_cast<const float4*>(centroids + j * T::lanes * T::stride + d);
    }
#pragma unroll
    for (int i = 0; i < T::row_steps; ++i) {
      const float4 x = *reinterpret_cast<const float4*>(rows + i * T::row_threads * T::stride + d);
#pragma unroll
      for (int j = 0; j < T::centroid_steps; ++j) chains[i][j] = __fmaf_rn(x.x, c[j].x, chains[i][j]);
#pragma unroll
      for (int j = 0; j < T::centroid_steps; ++j) chains[i][j] = __fmaf_rn(x.y, c[j].y, chains[i][j]);
#pragma unroll
      for (int j = 0; j < T::centroid_steps; ++j) chains[i][j] = __fmaf_rn(x.z, c[j].z, chains[i][j]);
#pragma unroll
      for (int j = 0; j < T::centroid_steps; ++j) chains[i][j] = __fmaf_rn(x.w, c[j].w, chains[i][j]);
    }
  }
}

/// The lowest score and whose it is.
struct Lowest {
  float score;
  std::int32_t label;

  __device__ void take(float other_score, std::int32_t other_label) {
    // The lower index on ties; what is not a number never wins.
    if (other_score < score || (other_score == score && other_label < label)) {
      score = other_score;
      label = other_label;
    }
  }
};

/// Each row's lowest score among the group of centroids from `begin` on, for all threads that share the row.
template <class T>
__device__ Lowest lowest_of_group(const float (&chains)[T::centroid_steps], const CentroidView& centroids, int begin,
                                  int lane) {
  Lowest lowest{__uint_as_float(0x7F800000U), 0};
#pragma unroll
  for (int j = 0; j < T::centroid_steps; ++j) {
    const int k = begin + lane + j * T::lanes;
    const float score = __fmaf_rn(-2.0F, chains[j], __ldg(centroids.norms + k));
    if (score < lowest.score) lowest = {score, k};
  }
#pragma unroll
  for (int distance = 1; distance < T::lanes; distance *= 2) {
    const float score = __shfl_xor_sync(0xFFFFFFFFU, lowest.score, distance);
    const std::int32_t label = __shfl_xor_sync(0xFFFFFFFFU, lowest.label, distance);
    lowest.take(score, label);
  }
  return lowest;
}

template <class T>
__global__ void __launch_bounds__(T::threads, T::blocks)
    nearest_kernel(Slab slab, CentroidView centroids, std::int32_t* labels, float* scores) {
  float* const shared = cuda::dynamic_shared<float>();
  const int lane = static_cast<int>(threadIdx.x) % T::lanes;
  const int row_thread = static_cast<int>(threadIdx.x) / T::lanes;
  const std::int64_t first_row = std::int64_t{blockIdx.x} * T::rows;
  const int steps_of_group = (slab.pitch + T::depth - 1) / T::depth;
  const int groups = (centroids.clusters + T::centroids - 1) / T::centroids;
  const int steps = groups * steps_of_group;

  const float* const rows = slab.values + first_row * slab.pitch;
  const int existing_rows = static_cast<int>(slab.count - first_row < T::rows ? slab.count - first_row : T::rows);
  // The group and the coordinates of the next step to fetch.
  int next_group = 0;
  int next_begin = 0;
  const auto fetch_next = [&](int step) {
    if (step < steps) {
      float* const stage = shared + step % T::stages * T::stage_values;
      fetch<T, T::rows>(stage, rows, existing_rows, slab.pitch, next_begin);
      const int first = next_group * T::centroids;
      fetch<T, T::centroids>(stage + T::rows * T::stride, centroids.values + std::int64_t{first} * slab.pitch,
                             centroids.clusters - first, slab.pitch, next_begin);
      next_begin += T::depth;
      if (next_begin >= slab.pitch) {
        next_begin = 0;
        ++next_group;
      }
    }
    // Also without copies: the count of those that may still be on their way stays right.
    __pipeline_commit();
  };
  for (int step = 0; step + 1 < T::stages; ++step) fetch_next(step);

  constexpr int kept = (T::row_steps + T::lanes - 1) / T::lanes;
  // Row i of a thread's rows is kept by lane i % lanes of the threads that share it.
  Lowest lowest[kept];
#pragma unroll
  for (int i = 0; i < kept; ++i) lowest[i] = {__uint_as_float(0x7F800000U), 0};
  int step = 0;
  for (int group = 0; group < groups; ++group) {
    float chains[T::row_steps][T::centroid_steps] = {};
    for (int of_group = 0; of_group < steps_of_group; ++of_group, ++step) {
      __pipeline_wait_prior(T::stages - 2);
      // Everyone's copies of this step are there, and everyone is done with the step before it, whose place is next.
      __syncthreads();
      fetch_next(step + T::stages - 1);
      const float* const stage = shared + step % T::stages * T::stage_values;
      multiply<T>(stage + row_thread * T::stride, stage + (T::rows + lane) * T::stride, chains);
    }
#pragma unroll
    for (int i = 0; i < T::row_steps; ++i) {
      const Lowest of_group = lowest_of_group<T>(chains[i], centroids, group * T::centroids, lane);
      if (lane == i % T::lanes && of_group.score < lowest[i / T::lanes].score) lowest[i / T::lanes] = of_group;
    }
  }
#pragma unroll
  for (int i = 0; i < kept; ++i) {
    const std::int64_t row = first_row + row_thread + (lane + i * T::lanes) * T::row_threads;
    if (lane + i * T::lanes >= T::row_steps || row >= slab.count) continue;
    labels[row] = lowest[i].label;
    scores[row] = lowest[i].score;
  }
}

template <class T>
void start(const Slab& slab, const CentroidView& centroids, std::int32_t* labels, float* scores,
           const cuda::Stream& stream) {
  cuda::check(cudaFuncSetAttribute(reinterpret_cast<const void*>(&nearest_kernel<T>),
                                   cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(T::shared_bytes)),
              "shared memory for k-means");
  const auto blocks = static_cast<unsigned>((slab.count + T::rows - 1) / T::rows);
  cuda::launch(stream, {blocks, T::threads, T::shared_bytes}, "the assignment of rows", &nearest_kernel<T>, slab,
               centroids, labels, scores);
}

}  // namespace

void nearest(const Slab& slab, const CentroidView& centroids, std::int32_t* labels, float* scores,
             const cuda::Stream& stream) {
  if (centroids.clusters <= Narrow::centroids) {
    start<Narrow>(slab, centroids, labels, scores, stream);
  } else {
    start<Wide>(slab, centroids, labels, scores, stream);
  }
}

}  // namespace datus::clustering::gpu
