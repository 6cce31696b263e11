// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/affinity.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstddef>
#include <cstdint>

namespace datus::affinity {

/// How the keys of an image lie on the GPU for the product: panels of 128 patches, element [panel][d][patch], filled up
/// with zeros to whole panels and whole slices of d.
struct PanelShape {
  static constexpr int nodes_per_panel = 128;
  /// Dimensions that a block of the product takes into its shared memory at a time.
  static constexpr int slice = 16;

  int nodes = 0;
  int dim = 0;
  int words_per_row = 0;  ///< of `BitGraph`

  [[nodiscard]] __host__ __device__ int panels() const { return (nodes + nodes_per_panel - 1) / nodes_per_panel; }
  [[nodiscard]] __host__ __device__ int slices() const { return (dim + slice - 1) / slice; }
  [[nodiscard]] __host__ __device__ std::size_t key_values() const {
    return static_cast<std::size_t>(nodes) * static_cast<std::size_t>(dim);
  }
  [[nodiscard]] __host__ __device__ std::size_t panel_values() const {
    return static_cast<std::size_t>(slices()) * slice * nodes_per_panel;
  }
  [[nodiscard]] __host__ __device__ std::size_t packed_values() const {
    return static_cast<std::size_t>(panels()) * panel_values();
  }
  [[nodiscard]] __host__ __device__ std::size_t graph_words() const {
    return static_cast<std::size_t>(nodes) * static_cast<std::size_t>(words_per_row);
  }
  /// Weights of a patch with all others, filled up to a multiple of 16 bytes.
  [[nodiscard]] __host__ __device__ int weights_per_row() const { return (nodes + 7) / 8 * 8; }
  [[nodiscard]] __host__ __device__ std::size_t graph_weights() const {
    return static_cast<std::size_t>(nodes) * static_cast<std::size_t>(weights_per_row());
  }
};

/// Images of one shape in the memory of the GPU.
struct ChunkOnGpu {
  int images;
  const std::byte* keys;       ///< [images, nodes, dim] f32; an image of f16 values uses the first half of its place
  const std::uint8_t* halves;  ///< [images] not 0: the keys of the image are f16
  const std::uint64_t* kept;   ///< [images, words_per_row] bit j: patch j is there and valid
  const float* common_mean;    ///< [dim], subtracted from all keys before all else; null: none is
  float* mean;                 ///< [images, dim], with centring only
  float* packed;               ///< [images, packed_values()]
  std::uint64_t* bits;         ///< [images, nodes, words_per_row], the graphs; without a temperature only
  std::uint16_t* weights;      ///< [images, nodes, weights_per_row()], the graphs; with a temperature only
  /// [images] 0, or where a cosine is no number ~(i * nodes + j) of the first such pair i <= j; with a temperature
  /// only.
  std::uint32_t* not_finite;
};

/// Makes the graphs, as work of the stream: the bits of `build_bit_graph`, or with a temperature the weights of
/// `build_weighted_graph`. `options.quantile` has no effect.
void make_graphs(const PanelShape& shape, const AffinityOptions& options, const ChunkOnGpu& chunk,
                 const cuda::Stream& stream);

/// Parts of it: graphs from keys in panels.
void multiply_to_bits(const PanelShape& shape, float threshold, const ChunkOnGpu& chunk, const cuda::Stream& stream);
void multiply_to_weights(const PanelShape& shape, float scale, const ChunkOnGpu& chunk, const cuda::Stream& stream);

}  // namespace datus::affinity
