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
  int images = 0;
  /// [images, nodes, dim] f32; an image of f16 values uses the first half of its place
  const std::byte* keys = nullptr;
  const std::uint8_t* halves = nullptr;  ///< [images] not 0: the keys of the image are f16
  const std::uint64_t* kept = nullptr;   ///< [images, words_per_row] bit j: patch j is there and valid
  const float* common_mean = nullptr;    ///< [dim], subtracted from all keys before all else; null: none is
  float* mean = nullptr;                 ///< [images, dim], with centring only
  float* packed = nullptr;               ///< [images, packed_values()]
  std::uint64_t* bits = nullptr;         ///< [images, nodes, words_per_row], the graphs; without a temperature only
  std::uint16_t* weights = nullptr;      ///< [images, nodes, weights_per_row()], the graphs; with a temperature only
  /// [images] 0, or where a cosine is no number ~(i * nodes + j) of the first such pair i <= j; with a temperature
  /// only.
  std::uint32_t* not_finite = nullptr;
};

/// Makes the graphs, as work of the stream: the bits of `build_bit_graph`, or with a temperature the weights of
/// `build_weighted_graph`. `options.quantile` has no effect.
void make_graphs(const PanelShape& shape, const AffinityOptions& options, const ChunkOnGpu& chunk,
                 const cuda::Stream& stream);

/// Parts of it: keys into panels, centred and scaled as the options say; panels to unit length, patch by patch; graphs
/// from keys in panels.
void prepare_keys(const PanelShape& shape, const AffinityOptions& options, const ChunkOnGpu& chunk,
                  const cuda::Stream& stream);
void scale_panels(const PanelShape& shape, const ChunkOnGpu& chunk, const cuda::Stream& stream);
void multiply_to_bits(const PanelShape& shape, float threshold, const ChunkOnGpu& chunk, const cuda::Stream& stream);
void multiply_to_weights(const PanelShape& shape, float scale, const ChunkOnGpu& chunk, const cuda::Stream& stream);

}  // namespace datus::affinity
