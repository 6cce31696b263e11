// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstddef>

namespace datus::affinity {

/// How weights and embeddings of an image lie on the GPU for their product, each in panels of 128 whose rows are the
/// patches that are summed over, filled up with zeros to whole panels and whole slices of patches.
struct SmoothingShape {
  PanelShape keys;

  /// Patches that are summed over.
  [[nodiscard]] __host__ __device__ int slices() const {
    return (keys.nodes + PanelShape::slice - 1) / PanelShape::slice;
  }
  [[nodiscard]] __host__ __device__ std::size_t panel_values() const {
    return static_cast<std::size_t>(slices()) * PanelShape::slice * PanelShape::nodes_per_panel;
  }
  [[nodiscard]] __host__ __device__ std::size_t weight_values() const {
    return static_cast<std::size_t>(keys.panels()) * panel_values();
  }
  /// Panels of 128 dimensions.
  [[nodiscard]] __host__ __device__ int embedding_panels() const {
    return (keys.dim + PanelShape::nodes_per_panel - 1) / PanelShape::nodes_per_panel;
  }
  [[nodiscard]] __host__ __device__ std::size_t embedding_values() const {
    return static_cast<std::size_t>(embedding_panels()) * panel_values();
  }
};

/// Images of one shape, with what smoothing takes beside `keys`: their mean and panels too.
struct SmoothingOnGpu {
  ChunkOnGpu keys;
  float* weights;     ///< [images, weight_values()]: [panel of patches][patch summed over][patch in panel]
  float* embeddings;  ///< [images, embedding_values()]: [panel of dimensions][patch][dimension in panel]
  float* smooth;      ///< [images, nodes, dim], the result; may be the memory of the keys, which are read before
};

/// Smoothes embeddings, as work of the stream: the bits of `smooth_embeddings`, whose options for centring and scaling
/// `options` are, with `scale` = 1 / temperature. The panels of keys have the result in panels then.
void smooth_chunk(const SmoothingShape& shape, const AffinityOptions& options, float scale, const SmoothingOnGpu& chunk,
                  const cuda::Stream& stream);

}  // namespace datus::affinity
