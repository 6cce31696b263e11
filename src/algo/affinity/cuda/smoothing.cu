// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/cuda/key_panels.cuh"
#include "algo/affinity/cuda/smoothing.hpp"
#include "algo/affinity/cuda/soft_register.cuh"
#include "algo/affinity/cuda/tile_product.cuh"
#include "datus/core/cuda/dynamic_shared.cuh"
#include "datus/core/cuda/launch.hpp"

namespace datus::affinity {
namespace {

constexpr int panel_vectors = panel_nodes / 4;

/// One row of a panel.
__device__ float4* row_of(float* panel, int row) {
  return reinterpret_cast<float4*>(panel) + static_cast<std::size_t>(row) * panel_vectors;
}

/// Cosines to weights, in place, of pairs from patches row and column on: none for padding, which is not summed over.
__device__ void weigh(const std::uint64_t* kept, float scale, int row, int column,
                      float (&pairs)[per_thread][per_thread]) {
  const unsigned kept_rows = kept_byte(kept, row);
  const unsigned kept_columns = kept_byte(kept, column);
#pragma unroll
  for (int i = 0; i < per_thread; ++i) {
#pragma unroll
    for (int j = 0; j < per_thread; ++j) {
      const bool is_pair = (kept_rows >> i & kept_columns >> j & 1U) != 0;
      const float weight = soft_weight<OneRegister>(pairs[i][j], scale);
      pairs[i][j] = !is_pair ? 0.0F : row + i == column + j ? 1.0F : weight;
    }
  }
}

/// One tile of the product of keys, straight to weights: those of the tile's rows, summed over its columns, and of the
/// mirrored tile.
__global__ __launch_bounds__(product_threads, 2) void smoothing_weights(SmoothingShape shape, SmoothingOnGpu chunk,
                                                                        float scale) {
  auto* shared = cuda::dynamic_shared<float4>();
  const std::size_t image = blockIdx.y;
  const PanelPair tile = panels_of_tile(static_cast<int>(blockIdx.x), shape.keys.panels());
  const float* packed = chunk.keys.packed + image * shape.keys.packed_values();
  const int row = static_cast<int>(threadIdx.x) / threads_per_side;
  const int column = static_cast<int>(threadIdx.x) % threads_per_side;
  const int first_row = tile.row_panel * panel_nodes + row * per_thread;
  const int first_column = tile.column_panel * panel_nodes + column * per_thread;
  float pairs[per_thread][per_thread] = {};
  multiply_panels(reinterpret_cast<const float4*>(packed + tile.row_panel * shape.keys.panel_values()),
                  reinterpret_cast<const float4*>(packed + tile.column_panel * shape.keys.panel_values()),
                  shape.keys.slices(), shared, row, column, pairs);
  weigh(chunk.keys.kept + image * shape.keys.words_per_row, scale, first_row, first_column, pairs);
  float* const weights = chunk.weights + image * shape.weight_values();
  float* const of_rows = weights + tile.row_panel * shape.panel_values();
#pragma unroll
  for (int j = 0; j < per_thread; ++j) {
    float turned[per_thread];
#pragma unroll
    for (int i = 0; i < per_thread; ++i) turned[i] = pairs[i][j];
    if (first_column + j < shape.slices() * slice) write_eight(row_of(of_rows, first_column + j), row, turned);
  }
  if (tile.row_panel == tile.column_panel) return;
  float* const of_columns = weights + tile.column_panel * shape.panel_values();
#pragma unroll
  for (int i = 0; i < per_thread; ++i) write_eight(row_of(of_columns, first_row + i), column, pairs[i]);
}

/// The embeddings, as they came, into panels of dimensions: a block for a slice of patches, a thread for a place. Of
/// padding zeros: whatever it has, it is not summed up.
__global__ void pack_embeddings(SmoothingShape shape, SmoothingOnGpu chunk) {
  const std::size_t image = blockIdx.z;
  const int in_panel = static_cast<int>(threadIdx.x);
  const int d = static_cast<int>(blockIdx.y) * panel_nodes + in_panel;
  float* const panel = chunk.embeddings + image * shape.embedding_values() + blockIdx.y * shape.panel_values();
  const std::uint64_t* const kept = chunk.keys.kept + image * shape.keys.words_per_row;
  const int first = static_cast<int>(blockIdx.x) * slice;
  for (int node = first; node < first + slice; ++node) {
    const bool is_there = is_kept(kept, node) && d < shape.keys.dim;
    panel[static_cast<std::size_t>(node) * panel_nodes + position_in_panel(in_panel)] =
        is_there ? key_value(chunk.keys, shape.keys, image, node, d) : 0.0F;
  }
}

/// One tile of weights times embeddings, into the panels of keys: each sum is one chain in the order of the patches.
/// Products that are 0 change nothing, as on the CPU, which leaves some of them out. Padding stays as it came.
__global__ __launch_bounds__(product_threads, 2) void sum_embeddings(SmoothingShape shape, SmoothingOnGpu chunk) {
  auto* shared = cuda::dynamic_shared<float4>();
  const std::size_t image = blockIdx.z;
  const int row_panel = static_cast<int>(blockIdx.y);
  const int column_panel = static_cast<int>(blockIdx.x);
  const float* weights = chunk.weights + image * shape.weight_values() + row_panel * shape.panel_values();
  const float* embeddings = chunk.embeddings + image * shape.embedding_values() + column_panel * shape.panel_values();
  const int row = static_cast<int>(threadIdx.x) / threads_per_side;
  const int column = static_cast<int>(threadIdx.x) % threads_per_side;
  float sums[per_thread][per_thread] = {};
  multiply_panels(reinterpret_cast<const float4*>(weights), reinterpret_cast<const float4*>(embeddings), shape.slices(),
                  shared, row, column, sums);
  const int first_node = row_panel * panel_nodes + row * per_thread;
  const unsigned kept = kept_byte(chunk.keys.kept + image * shape.keys.words_per_row, first_node);
  float* const panel = chunk.keys.packed + image * shape.keys.packed_values() + row_panel * shape.keys.panel_values();
#pragma unroll
  for (int j = 0; j < per_thread; ++j) {
    const int d = column_panel * panel_nodes + column * per_thread + j;
    if (d >= shape.keys.dim) continue;
    float values[per_thread];
#pragma unroll
    for (int i = 0; i < per_thread; ++i) {
      values[i] = __fadd_rn(sums[i][j], 0.0F);  // a zero is positive
      const bool is_padding = (kept >> i & 1U) == 0 && first_node + i < shape.keys.nodes;
      if (is_padding) values[i] = key_value(chunk.keys, shape.keys, image, first_node + i, d);
    }
    write_eight(row_of(panel, d), row, values);
  }
}

/// Panels to rows. A block turns a square of pack_side patches and dimensions.
__global__ void unpack_rows(SmoothingShape shape, SmoothingOnGpu chunk) {
  __shared__ float square[pack_side][pack_side + 1];
  const std::size_t image = blockIdx.z;
  const int lane = static_cast<int>(threadIdx.x);
  const int first_node = static_cast<int>(blockIdx.x) * pack_side;
  const int first_d = static_cast<int>(blockIdx.y) * pack_side;
  const int of_lane = first_node + lane;
  const float* panel = chunk.keys.packed + image * shape.keys.packed_values() +
                       of_lane / panel_nodes * shape.keys.panel_values() + position_in_panel(of_lane % panel_nodes);
  for (int row = static_cast<int>(threadIdx.y); row < pack_side; row += pack_rows) {
    const int d = first_d + row;
    square[row][lane] = d < shape.keys.dim ? panel[static_cast<std::size_t>(d) * panel_nodes] : 0.0F;
  }
  __syncthreads();
  float* const rows = chunk.smooth + image * shape.keys.key_values();
  for (int row = static_cast<int>(threadIdx.y); row < pack_side; row += pack_rows) {
    const int node = first_node + row;
    const int d = first_d + lane;
    if (node < shape.keys.nodes && d < shape.keys.dim) {
      rows[static_cast<std::size_t>(node) * shape.keys.dim + d] = square[lane][row];
    }
  }
}

}  // namespace

void smooth_chunk(const SmoothingShape& shape, const AffinityOptions& options, float scale, const SmoothingOnGpu& chunk,
                  const cuda::Stream& stream) {
  const auto images = static_cast<unsigned>(chunk.keys.images);
  const auto panels = static_cast<unsigned>(shape.keys.panels());
  const auto embedding_panels = static_cast<unsigned>(shape.embedding_panels());
  prepare_keys(shape.keys, options, chunk.keys, stream);
  cuda::launch(stream, product_launch(shape.keys, chunk.keys), "to weigh embeddings", smoothing_weights, shape, chunk,
               scale);
  cuda::launch(stream, {{static_cast<unsigned>(shape.slices()), embedding_panels, images}, {panel_nodes}},
               "to pack embeddings", pack_embeddings, shape, chunk);
  cuda::launch(stream, {{embedding_panels, panels, images}, {product_threads}, product_shared_bytes},
               "to sum up embeddings", sum_embeddings, shape, chunk);
  scale_panels(shape.keys, chunk.keys, stream);
  cuda::launch(
      stream,
      {{panels * (panel_nodes / pack_side), blocks_for(shape.keys.dim, pack_side), images}, {pack_side, pack_rows}},
      "to unpack embeddings", unpack_rows, shape, chunk);
}

}  // namespace datus::affinity
