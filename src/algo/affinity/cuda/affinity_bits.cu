// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/cuda/tile_product.cuh"
#include "datus/core/cuda/dynamic_shared.cuh"
#include "datus/core/cuda/launch.hpp"
#include "datus/core/cuda/memory.hpp"

namespace datus::affinity {
namespace {

/// Writes the rows of one tile, two words each, a thread each; `bytes` [128 patches][16] has their bits.
__device__ void write_rows(const PanelShape& shape, const ChunkOnGpu& chunk, const std::uint64_t* bytes, int row_panel,
                           int column_panel) {
  const std::size_t image = blockIdx.y;
  const int thread = static_cast<int>(threadIdx.x);
  const int node = row_panel * panel_nodes + thread / words_per_panel;
  if (node >= shape.nodes) return;
  const std::uint64_t* kept = chunk.kept + image * shape.words_per_row;
  const int word = column_panel * words_per_panel + thread % words_per_panel;
  const std::uint64_t bits = is_kept(kept, node) ? bytes[thread] & kept[word] : 0;
  chunk.bits[image * shape.graph_words() + static_cast<std::size_t>(node) * shape.words_per_row + word] = bits;
}

/// One tile of the product, straight to bits: those of its rows, and of its columns for the mirrored tile. A fused
/// multiply-add of the zeros behind the last dimension changes nothing but the sign of a zero, which no threshold sees.
__global__ __launch_bounds__(product_threads, 2) void product_bits(PanelShape shape, ChunkOnGpu chunk,
                                                                   float threshold) {
  auto* shared = cuda::dynamic_shared<float4>();
  const PanelPair tile = panels_of_tile(static_cast<int>(blockIdx.x), shape.panels());
  const float* packed = chunk.packed + blockIdx.y * shape.packed_values();
  const int row = static_cast<int>(threadIdx.x) / threads_per_side;
  const int column = static_cast<int>(threadIdx.x) % threads_per_side;
  float sums[per_thread][per_thread] = {};
  multiply_panels(reinterpret_cast<const float4*>(packed + tile.row_panel * shape.panel_values()),
                  reinterpret_cast<const float4*>(packed + tile.column_panel * shape.panel_values()), shape.slices(),
                  shared, row, column, sums);
  // A thread's eight bits of a row, or of a column, are one byte of a word: words of the GPU start with the lowest.
  auto* row_bytes = reinterpret_cast<unsigned char*>(shared);
  auto* column_bytes = row_bytes + panel_nodes * threads_per_side;
#pragma unroll
  for (int i = 0; i < per_thread; ++i) {
    unsigned row_bits = 0;
    unsigned column_bits = 0;
#pragma unroll
    for (int j = 0; j < per_thread; ++j) {
      row_bits |= static_cast<unsigned>(sums[i][j] > threshold) << j;
      column_bits |= static_cast<unsigned>(sums[j][i] > threshold) << j;
    }
    row_bytes[(row * per_thread + i) * threads_per_side + column] = static_cast<unsigned char>(row_bits);
    column_bytes[(column * per_thread + i) * threads_per_side + row] = static_cast<unsigned char>(column_bits);
  }
  __syncthreads();
  write_rows(shape, chunk, reinterpret_cast<const std::uint64_t*>(row_bytes), tile.row_panel, tile.column_panel);
  if (tile.row_panel == tile.column_panel) return;
  write_rows(shape, chunk, reinterpret_cast<const std::uint64_t*>(column_bytes), tile.column_panel, tile.row_panel);
}

}  // namespace

void multiply_to_bits(const PanelShape& shape, float threshold, const ChunkOnGpu& chunk, const cuda::Stream& stream) {
  // Words behind the last panel are padding.
  cuda::clear(chunk.bits, static_cast<std::size_t>(chunk.images) * shape.graph_words(), stream);
  cuda::launch(stream, product_launch(shape, chunk), "to multiply keys", product_bits, shape, chunk, threshold);
}

}  // namespace datus::affinity
