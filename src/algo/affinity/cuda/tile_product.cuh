// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "datus/core/cuda/launch.hpp"

// What the kernels of graphs share: how keys lie in panels, and one tile of the product of an image's keys.
//
// All arithmetic is as on the CPU: the same operations in the same order, each rounded once, none contracted.

namespace datus::affinity {

inline constexpr int panel_nodes = PanelShape::nodes_per_panel;
inline constexpr int slice = PanelShape::slice;
inline constexpr int word_bits = 64;
inline constexpr int words_per_panel = panel_nodes / word_bits;

/// A thread of the product has 8 x 8 pairs, so that 4 loads from shared memory serve 64 fused multiply-adds.
inline constexpr int per_thread = 8;
inline constexpr int threads_per_side = panel_nodes / per_thread;
inline constexpr int product_threads = threads_per_side * threads_per_side;
/// One slice of a panel, in loads of 16 bytes.
inline constexpr int slice_vectors = slice * panel_nodes / 4;
inline constexpr int vectors_per_row = panel_nodes / 4;
inline constexpr int vectors_per_thread = slice_vectors / product_threads;
/// Two slices of both panels: while one is multiplied, the next one comes.
inline constexpr std::size_t product_shared_bytes = 2 * 2 * slice_vectors * sizeof(float4);

__device__ inline bool is_kept(const std::uint64_t* kept, int node) {
  return (kept[node / word_bits] >> (node % word_bits) & 1U) != 0;
}

/// Eight flags of patches from `node` on, a multiple of 8.
__device__ inline unsigned kept_byte(const std::uint64_t* kept, int node) {
  return static_cast<unsigned>(kept[node / word_bits] >> (node % word_bits)) & 0xFFU;
}

/// The panels of rows and columns that a block multiplies.
struct PanelPair {
  int row_panel;
  int column_panel;
};

/// Tiles on and above the diagonal, counted row by row.
__device__ inline PanelPair panels_of_tile(int index, int panels) {
  int row_panel = 0;
  while (index >= panels - row_panel) {
    index -= panels - row_panel;
    ++row_panel;
  }
  return {row_panel, row_panel + index};
}

/// A slice of both panels: on the way to shared memory in registers, then there.
struct Slices {
  float4 rows[vectors_per_thread];
  float4 columns[vectors_per_thread];

  __device__ void load(const float4* from_rows, const float4* from_columns) {
#pragma unroll
    for (int k = 0; k < vectors_per_thread; ++k) {
      rows[k] = from_rows[threadIdx.x + k * product_threads];
      columns[k] = from_columns[threadIdx.x + k * product_threads];
    }
  }
  __device__ void store(float4* to) const {
#pragma unroll
    for (int k = 0; k < vectors_per_thread; ++k) {
      to[threadIdx.x + k * product_threads] = rows[k];
      to[slice_vectors + threadIdx.x + k * product_threads] = columns[k];
    }
  }
};

/// The eight values of a thread in one row of a slice.
__device__ inline void read_eight(const float4* row, int thread, float (&to)[per_thread]) {
  const float4 first = row[thread];
  const float4 second = row[threads_per_side + thread];
  to[0] = first.x;
  to[1] = first.y;
  to[2] = first.z;
  to[3] = first.w;
  to[4] = second.x;
  to[5] = second.y;
  to[6] = second.z;
  to[7] = second.w;
}

/// Writes them where `read_eight` reads them.
__device__ inline void write_eight(float4* row, int thread, const float (&values)[per_thread]) {
  row[thread] = {values[0], values[1], values[2], values[3]};
  row[threads_per_side + thread] = {values[4], values[5], values[6], values[7]};
}

/// sums[i][j]: the chain over all d of the thread's rows and columns.
__device__ inline void multiply_panels(const float4* from_rows, const float4* from_columns, int slices, float4* shared,
                                       int row, int column, float (&sums)[per_thread][per_thread]) {
  Slices next;
  next.load(from_rows, from_columns);
  next.store(shared);
  __syncthreads();
  for (int s = 0; s < slices; ++s) {
    if (s + 1 < slices) next.load(from_rows + (s + 1) * slice_vectors, from_columns + (s + 1) * slice_vectors);
    const float4* rows = shared + s % 2 * (2 * slice_vectors);
    const float4* columns = rows + slice_vectors;
#pragma unroll
    for (int k = 0; k < slice; ++k) {
      float a[per_thread];
      float b[per_thread];
      read_eight(rows + k * vectors_per_row, row, a);
      read_eight(columns + k * vectors_per_row, column, b);
#pragma unroll
      for (int i = 0; i < per_thread; ++i) {
#pragma unroll
        for (int j = 0; j < per_thread; ++j) sums[i][j] = __fmaf_rn(a[i], b[j], sums[i][j]);
      }
    }
    // The other buffer was last read before the barrier of the last round.
    if (s + 1 < slices) next.store(shared + (s + 1) % 2 * (2 * slice_vectors));
    __syncthreads();
  }
}

/// A block for each tile of each image.
inline cuda::LaunchShape product_launch(const PanelShape& shape, const ChunkOnGpu& chunk) {
  const auto panels = static_cast<unsigned>(shape.panels());
  return {{panels * (panels + 1) / 2, static_cast<unsigned>(chunk.images)}, {product_threads}, product_shared_bytes};
}

}  // namespace datus::affinity
