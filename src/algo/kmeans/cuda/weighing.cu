// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/cuda/fetch.cuh"
#include "algo/kmeans/cuda/weighing.hpp"
#include "algo/kmeans/random.hpp"
#include "datus/core/cuda/dynamic_shared.cuh"
#include "datus/core/cuda/launch.hpp"

namespace datus::clustering::gpu {
namespace {

/// A thread has one row; the block reads them together, a few coordinates at a time.
struct ShapeOfLoads {
  static constexpr int threads = 128;
  static constexpr int depth = 16;
  static constexpr int stride = depth + 4;
  static constexpr int stages = 3;
  static constexpr int stage_values = threads * stride;
  static constexpr std::size_t shared_bytes = sizeof(float) * stages * stage_values;
};

/// Goes on with the chains of one row's distances by the coordinates of one step; points: their coordinates from there.
__device__ void add_coordinates(const float* row, const Points& points, int pitch, int begin,
                                double (&distances)[points_at_once]) {
  for (int d = 0; d < ShapeOfLoads::depth && begin + d < pitch; d += 4) {
    const float4 x = *reinterpret_cast<const float4*>(row + d);
    const double values[4] = {static_cast<double>(x.x), static_cast<double>(x.y), static_cast<double>(x.z),
                              static_cast<double>(x.w)};
#pragma unroll
    for (int p = 0; p < points_at_once; ++p) {
      if (p >= points.count) break;
      const double* const point = points.values + std::int64_t{p} * pitch + begin + d;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const double difference = values[i] - __ldg(point + i);
        distances[p] = __fma_rn(difference, difference, distances[p]);
      }
    }
  }
}

__global__ void __launch_bounds__(ShapeOfLoads::threads) lower_weights_kernel(Slab slab, Points points) {
  float* const shared = cuda::dynamic_shared<float>();
  const std::int64_t first = std::int64_t{blockIdx.x} * ShapeOfLoads::threads;
  const float* const rows = slab.values + first * slab.pitch;
  const int existing =
      static_cast<int>(slab.count - first < ShapeOfLoads::threads ? slab.count - first : ShapeOfLoads::threads);
  const int steps = (slab.pitch + ShapeOfLoads::depth - 1) / ShapeOfLoads::depth;
  const auto fetch_step = [&](int step) {
    if (step < steps) {
      fetch<ShapeOfLoads, ShapeOfLoads::threads>(shared + step % ShapeOfLoads::stages * ShapeOfLoads::stage_values,
                                                 rows, existing, slab.pitch, step * ShapeOfLoads::depth);
    }
    __pipeline_commit();
  };
  for (int step = 0; step + 1 < ShapeOfLoads::stages; ++step) fetch_step(step);
  double distances[points_at_once] = {};
  for (int step = 0; step < steps; ++step) {
    __pipeline_wait_prior(ShapeOfLoads::stages - 2);
    // Everyone's copies of this step are there, and everyone is done with the step before it, whose place is next.
    __syncthreads();
    fetch_step(step + ShapeOfLoads::stages - 1);
    const float* const stage = shared + step % ShapeOfLoads::stages * ShapeOfLoads::stage_values;
    add_coordinates(stage + static_cast<int>(threadIdx.x) * ShapeOfLoads::stride, points, slab.pitch,
                    step * ShapeOfLoads::depth, distances);
  }
  if (static_cast<int>(threadIdx.x) >= existing) return;
  const std::int64_t row = slab.first + first + threadIdx.x;
#pragma unroll
  for (int p = 0; p < points_at_once; ++p) {
    if (p >= points.count) break;
    double& weight = points.weights[p][row];
    if (points.is_first[p] || distances[p] < weight) weight = distances[p];
  }
}

constexpr unsigned race_threads = 256;
constexpr std::uint64_t highest = 0xFFFFFFFFFFFFFFFFULL;

__device__ RaceTicket lower(const RaceTicket& a, const RaceTicket& b) {
  return b.key < a.key || (b.key == a.key && b.row < a.row) ? b : a;
}

/// The lowest ticket of a warp, for all its threads.
__device__ RaceTicket lowest_of_warp(RaceTicket ticket) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const RaceTicket other{__shfl_xor_sync(0xFFFFFFFFU, ticket.key, distance),
                           __shfl_xor_sync(0xFFFFFFFFU, ticket.row, distance)};
    ticket = lower(ticket, other);
  }
  return ticket;
}

__global__ void __launch_bounds__(race_threads) race_kernel(Race race, RaceTicket* lowest) {
  RaceTicket best{highest, highest};
  const std::int64_t stride = std::int64_t{gridDim.x} * race_threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * race_threads + threadIdx.x; i < race.rows; i += stride) {
    const double weight = race.weights == nullptr ? 1.0 : race.weights[i];
    if (weight == 0.0) continue;
    const std::uint64_t row = race.first_row + static_cast<std::uint64_t>(i);
    const double u = kmeans_uniform({race.key[0], race.key[1]}, row, race.round);
    best = lower(best, {std::bit_cast<std::uint64_t>(negative_log(u) / weight), row});
  }
  best = lowest_of_warp(best);
  __shared__ RaceTicket of_warps[race_threads / 32];
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = best;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  best = threadIdx.x < race_threads / 32 ? of_warps[threadIdx.x] : RaceTicket{highest, highest};
  best = lowest_of_warp(best);
  if (threadIdx.x == 0) lowest[blockIdx.x] = best;
}

}  // namespace

void lower_weights(const Slab& slab, const Points& points, const cuda::Stream& stream) {
  const auto blocks = static_cast<unsigned>((slab.count + ShapeOfLoads::threads - 1) / ShapeOfLoads::threads);
  cuda::launch(stream, {blocks, ShapeOfLoads::threads, ShapeOfLoads::shared_bytes}, "the weights of k-means++",
               &lower_weights_kernel, slab, points);
}

void race(const Race& race, RaceTicket* lowest, const cuda::Stream& stream) {
  cuda::launch(stream, {static_cast<unsigned>(race_tickets(race.rows)), race_threads}, "the draw of k-means++",
               &race_kernel, race, lowest);
}

}  // namespace datus::clustering::gpu
