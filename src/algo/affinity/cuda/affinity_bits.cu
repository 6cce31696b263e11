// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/cuda/affinity_bits.hpp"
#include "datus/core/cuda/dynamic_shared.cuh"
#include "datus/core/cuda/launch.hpp"
#include "datus/core/cuda/memory.hpp"

#include <cuda_fp16.h>

// All arithmetic is as on the CPU: the same operations in the same order, each rounded once, none contracted.

namespace datus::affinity {
namespace {

constexpr int panel_nodes = PanelShape::nodes_per_panel;
constexpr int slice = PanelShape::slice;
constexpr int word_bits = 64;
constexpr int words_per_panel = panel_nodes / word_bits;

/// A thread of the product has 8 x 8 pairs, so that 4 loads from shared memory serve 64 fused multiply-adds.
constexpr int per_thread = 8;
constexpr int threads_per_side = panel_nodes / per_thread;
constexpr int product_threads = threads_per_side * threads_per_side;
/// One slice of a panel, in loads of 16 bytes.
constexpr int slice_vectors = slice * panel_nodes / 4;
constexpr int vectors_per_row = panel_nodes / 4;
constexpr int vectors_per_thread = slice_vectors / product_threads;

/// Where a panel keeps its patch: the first halves of all threads' eight patches, then the second halves. So the
/// threads of a warp read 16 bytes side by side, and no two of them want the same bank.
__device__ int position_in_panel(int node) {
  return (node / 4 % 2) * (panel_nodes / 2) + node / per_thread * 4 + node % 4;
}

__device__ bool is_kept(const std::uint64_t* kept, int node) {
  return (kept[node / word_bits] >> (node % word_bits) & 1U) != 0;
}

/// Value `at` of image `image`, widened without rounding.
__device__ float key_value(const ChunkOnGpu& chunk, const PanelShape& shape, std::size_t image, std::size_t at) {
  const std::byte* keys = chunk.keys + image * shape.key_values() * sizeof(float);
  if (chunk.halves[image] == 0) return reinterpret_cast<const float*>(keys)[at];
  return __half2float(__ushort_as_half(reinterpret_cast<const unsigned short*>(keys)[at]));
}

/// mean[image][d], a thread each: the sum in f64 over the kept patches in index order, rounded once.
__global__ void mean_keys(PanelShape shape, ChunkOnGpu chunk) {
  const int d = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (d >= shape.dim) return;
  const std::size_t image = blockIdx.y;
  const std::uint64_t* kept = chunk.kept + image * shape.words_per_row;
  double sum = 0.0;
  int count = 0;
  for (int node = 0; node < shape.nodes; ++node) {
    if (!is_kept(kept, node)) continue;
    ++count;
    sum = __dadd_rn(sum, key_value(chunk, shape, image, static_cast<std::size_t>(node) * shape.dim + d));
  }
  chunk.mean[image * shape.dim + d] = count == 0 ? 0.0F : __double2float_rn(__ddiv_rn(sum, count));
}

constexpr int pack_side = 32;
constexpr int pack_rows = 8;

/// Keys into panels, less the mean where there is one. A block turns a square of pack_side patches and dimensions.
__global__ void pack_keys(PanelShape shape, ChunkOnGpu chunk) {
  __shared__ float square[pack_side][pack_side + 1];
  const std::size_t image = blockIdx.z;
  const int first_node = static_cast<int>(blockIdx.x) * pack_side;
  const int first_d = static_cast<int>(blockIdx.y) * pack_side;
  const int lane = static_cast<int>(threadIdx.x);
  for (int row = static_cast<int>(threadIdx.y); row < pack_side; row += pack_rows) {
    const int node = first_node + row;
    const int d = first_d + lane;
    float value = 0.0F;
    if (node < shape.nodes && d < shape.dim) {
      value = key_value(chunk, shape, image, static_cast<std::size_t>(node) * shape.dim + d);
      if (chunk.mean != nullptr) value = __fsub_rn(value, chunk.mean[image * shape.dim + d]);
    }
    square[row][lane] = value;
  }
  __syncthreads();
  const int node = first_node + lane;
  float* panel = chunk.packed + image * shape.packed_values() + node / panel_nodes * shape.panel_values() +
                 position_in_panel(node % panel_nodes);
  for (int row = static_cast<int>(threadIdx.y); row < pack_side; row += pack_rows) {
    const int d = first_d + row;
    if (d < shape.slices() * slice) panel[static_cast<std::size_t>(d) * panel_nodes] = square[lane][row];
  }
}

/// Scales each key of a panel to unit length, a thread each; zero keys stay. The zeros that fill a panel up stay too.
__global__ void scale_keys(PanelShape shape, ChunkOnGpu chunk) {
  float* key = chunk.packed + blockIdx.y * shape.packed_values() + blockIdx.x * shape.panel_values() + threadIdx.x;
  double sum = 0.0;
  for (int d = 0; d < shape.dim; ++d) {
    const double value = key[static_cast<std::size_t>(d) * panel_nodes];
    sum = __dadd_rn(sum, __dmul_rn(value, value));
  }
  if (sum == 0.0) return;
  const double length = __dsqrt_rn(sum);
  for (int d = 0; d < shape.dim; ++d) {
    float& value = key[static_cast<std::size_t>(d) * panel_nodes];
    value = __double2float_rn(__ddiv_rn(value, length));
  }
}

/// The panels of rows and columns that a block multiplies.
struct Tile {
  int row_panel;
  int column_panel;
};

/// Tiles on and above the diagonal, counted row by row.
__device__ Tile tile_of(int index, int panels) {
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
__device__ void read_eight(const float4* row, int thread, float (&to)[per_thread]) {
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

/// sums[i][j]: the chain over all d of the thread's rows and columns.
__device__ void multiply(const float4* from_rows, const float4* from_columns, int slices, float4* shared, int row,
                         int column, float (&sums)[per_thread][per_thread]) {
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
  const Tile tile = tile_of(static_cast<int>(blockIdx.x), shape.panels());
  const float* packed = chunk.packed + blockIdx.y * shape.packed_values();
  const int row = static_cast<int>(threadIdx.x) / threads_per_side;
  const int column = static_cast<int>(threadIdx.x) % threads_per_side;
  float sums[per_thread][per_thread] = {};
  multiply(reinterpret_cast<const float4*>(packed + tile.row_panel * shape.panel_values()),
           reinterpret_cast<const float4*>(packed + tile.column_panel * shape.panel_values()), shape.slices(), shared,
           row, column, sums);
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

unsigned blocks_for(int count, int per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

}  // namespace

void make_graphs(const PanelShape& shape, const AffinityOptions& options, const ChunkOnGpu& chunk,
                 const cuda::Stream& stream) {
  const auto images = static_cast<unsigned>(chunk.images);
  const auto panels = static_cast<unsigned>(shape.panels());
  ChunkOnGpu work = chunk;
  if (options.subtracts_mean()) {
    constexpr int threads = 128;
    cuda::launch(stream, {{blocks_for(shape.dim, threads), images}, {threads}}, "to average keys", mean_keys, shape,
                 work);
  } else {
    work.mean = nullptr;
  }
  cuda::launch(stream,
               {{panels * (panel_nodes / pack_side), blocks_for(shape.slices() * slice, pack_side), images},
                {pack_side, pack_rows}},
               "to pack keys", pack_keys, shape, work);
  if (options.scales_keys()) {
    cuda::launch(stream, {{panels, images}, {panel_nodes}}, "to scale keys", scale_keys, shape, work);
  }
  // Words behind the last panel are padding.
  cuda::clear(work.bits, static_cast<std::size_t>(chunk.images) * shape.graph_words(), stream);
  constexpr std::size_t shared_bytes = 2 * 2 * slice_vectors * sizeof(float4);
  cuda::launch(stream, {{panels * (panels + 1) / 2, images}, {product_threads}, shared_bytes}, "to multiply keys",
               product_bits, shape, work, options.threshold);
}

}  // namespace datus::affinity
