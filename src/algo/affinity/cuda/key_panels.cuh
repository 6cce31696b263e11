// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "algo/affinity/cuda/tile_product.cuh"

#include <cuda_fp16.h>

// How values get into panels and out of them: for the kernels that do it.

namespace datus::affinity {

/// The square that a block turns, with so many rows of threads.
inline constexpr int pack_side = 32;
inline constexpr int pack_rows = 8;

inline unsigned blocks_for(int count, int per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

/// Where a panel keeps its patch: the first halves of all threads' eight patches, then the second halves. So the
/// threads of a warp read 16 bytes side by side, and no two of them want the same bank.
__device__ inline int position_in_panel(int node) {
  return (node / 4 % 2) * (panel_nodes / 2) + node / per_thread * 4 + node % 4;
}

/// Value d of the key of patch `node` of image `image`, widened without rounding, less the mean that all share.
__device__ inline float key_value(const ChunkOnGpu& chunk, const PanelShape& shape, std::size_t image, int node,
                                  int d) {
  const std::byte* keys = chunk.keys + image * shape.key_values() * sizeof(float);
  const std::size_t at = static_cast<std::size_t>(node) * shape.dim + d;
  const float value = chunk.halves[image] == 0
                          ? reinterpret_cast<const float*>(keys)[at]
                          : __half2float(__ushort_as_half(reinterpret_cast<const unsigned short*>(keys)[at]));
  return chunk.common_mean == nullptr ? value : __fsub_rn(value, chunk.common_mean[d]);
}

}  // namespace datus::affinity
