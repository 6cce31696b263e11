// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/cuda/soft_register.cuh"
#include "algo/affinity/cuda/tile_product.cuh"
#include "datus/core/cuda/dynamic_shared.cuh"
#include "datus/core/cuda/launch.hpp"
#include "datus/core/cuda/memory.hpp"

namespace datus::affinity {
namespace {

/// Weights that a thread writes at once.
constexpr int per_chunk = sizeof(uint4) / sizeof(std::uint16_t);
constexpr int chunks_per_row = panel_nodes / per_chunk;
static_assert(per_chunk == per_thread, "a thread's weights of a row are a chunk of it");
static_assert(panel_nodes * chunks_per_row * sizeof(uint4) <= product_shared_bytes);

__device__ bool is_finite(float value) {
  constexpr unsigned exponent = 0x7F800000U;
  return (__float_as_uint(value) & exponent) != exponent;
}

/// A weight, at most 1, times 65535, to the nearest integer, ties to even, in the lowest 16 bits: the fused sum is
/// rounded to a multiple of 1.
__device__ float scaled_weight(float weight) {
  return __fmaf_rn(weight < 1.0F ? weight : 1.0F, 65535.0F, 12582912.0F);  // 1.5 * 2^23
}
__device__ unsigned low_bits(float scaled) {
  return __float_as_uint(scaled) & 0xFFFFU;
}

/// Where a chunk of a tile's row lies in shared memory: so that neither eight rows of a thread nor the threads of
/// columns side by side want the same banks.
__device__ int place_of(int row, int chunk) {
  return row * chunks_per_row + (chunk ^ (row / per_thread));
}

/// Cosines to weights, in place, as `scaled_weight` has them: of pairs from patches row and column on. What is no
/// number is said in `not_finite`, of all such pairs the first.
__device__ void weigh(const PanelShape& shape, const ChunkOnGpu& chunk, float scale, int row, int column,
                      float (&pairs)[per_thread][per_thread]) {
  const std::size_t image = blockIdx.y;
  const std::uint64_t* kept = chunk.kept + image * shape.words_per_row;
  const unsigned kept_rows = kept_byte(kept, row);
  const unsigned kept_columns = kept_byte(kept, column);
#pragma unroll
  for (int i = 0; i < per_thread; ++i) {
#pragma unroll
    for (int j = 0; j < per_thread; ++j) {
      const bool is_pair = (kept_rows >> i & kept_columns >> j & 1U) != 0;
      const float cosine = pairs[i][j];
      float weight = is_pair ? soft_weight<OneRegister>(cosine, scale) : 0.0F;
      if (weight != 0.0F && !is_finite(cosine)) {
        const int first = row + i < column + j ? row + i : column + j;
        const int second = row + i < column + j ? column + j : row + i;
        atomicMax(chunk.not_finite + image, ~static_cast<std::uint32_t>(first * shape.nodes + second));
      }
      // A patch without a direction is not like itself in its cosine, but it is.
      if (is_pair && row + i == column + j) weight = 1.0F;
      pairs[i][j] = scaled_weight(weight);
    }
  }
}

/// Writes rows of a panel that lie in shared memory.
__device__ void write_rows(const PanelShape& shape, const ChunkOnGpu& chunk, const uint4* rows, int row_panel,
                           int column_panel) {
  std::uint16_t* const graph = chunk.weights + blockIdx.y * shape.graph_weights();
  for (int at = static_cast<int>(threadIdx.x); at < panel_nodes * chunks_per_row; at += product_threads) {
    const int row = at / chunks_per_row;
    const int node = row_panel * panel_nodes + row;
    const int column = column_panel * panel_nodes + at % chunks_per_row * per_chunk;
    if (node >= shape.nodes || column >= shape.weights_per_row()) continue;
    auto* const to = graph + static_cast<std::size_t>(node) * shape.weights_per_row() + column;
    *reinterpret_cast<uint4*>(to) = rows[place_of(row, at % chunks_per_row)];
  }
}

/// One tile of the product, straight to weights: those of its rows, and of its columns for the mirrored tile.
__global__ __launch_bounds__(product_threads, 2) void product_weights(PanelShape shape, ChunkOnGpu chunk, float scale) {
  auto* shared = cuda::dynamic_shared<float4>();
  const PanelPair tile = panels_of_tile(static_cast<int>(blockIdx.x), shape.panels());
  const float* packed = chunk.packed + blockIdx.y * shape.packed_values();
  const int row = static_cast<int>(threadIdx.x) / threads_per_side;
  const int column = static_cast<int>(threadIdx.x) % threads_per_side;
  float pairs[per_thread][per_thread] = {};
  multiply_panels(reinterpret_cast<const float4*>(packed + tile.row_panel * shape.panel_values()),
                  reinterpret_cast<const float4*>(packed + tile.column_panel * shape.panel_values()), shape.slices(),
                  shared, row, column, pairs);
  weigh(shape, chunk, scale, tile.row_panel * panel_nodes + row * per_thread,
        tile.column_panel * panel_nodes + column * per_thread, pairs);
  auto* const weights = reinterpret_cast<uint4*>(shared);
#pragma unroll
  for (int i = 0; i < per_thread; ++i) {
    const auto two = [&](int j) { return low_bits(pairs[i][j]) | low_bits(pairs[i][j + 1]) << 16; };
    weights[place_of(row * per_thread + i, column)] = {two(0), two(2), two(4), two(6)};
  }
  __syncthreads();
  write_rows(shape, chunk, weights, tile.row_panel, tile.column_panel);
  if (tile.row_panel == tile.column_panel) return;
  __syncthreads();
#pragma unroll
  for (int j = 0; j < per_thread; ++j) {
    const auto two = [&](int i) { return low_bits(pairs[i][j]) | low_bits(pairs[i + 1][j]) << 16; };
    weights[place_of(column * per_thread + j, row)] = {two(0), two(2), two(4), two(6)};
  }
  __syncthreads();
  write_rows(shape, chunk, weights, tile.column_panel, tile.row_panel);
}

}  // namespace

void multiply_to_weights(const PanelShape& shape, float scale, const ChunkOnGpu& chunk, const cuda::Stream& stream) {
  cuda::clear(chunk.not_finite, static_cast<std::size_t>(chunk.images), stream);
  cuda::launch(stream, product_launch(shape, chunk), "to multiply keys", product_weights, shape, chunk, scale);
}

}  // namespace datus::affinity
