// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "algo/affinity/cuda/key_panels.cuh"
#include "datus/core/cuda/launch.hpp"

namespace datus::affinity {
namespace {

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
    sum = __dadd_rn(sum, key_value(chunk, shape, image, node, d));
  }
  chunk.mean[image * shape.dim + d] = count == 0 ? 0.0F : __double2float_rn(__ddiv_rn(sum, count));
}

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
      value = key_value(chunk, shape, image, node, d);
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

}  // namespace

void prepare_keys(const PanelShape& shape, const AffinityOptions& options, const ChunkOnGpu& chunk,
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
  if (options.scales_keys()) scale_panels(shape, work, stream);
}

void scale_panels(const PanelShape& shape, const ChunkOnGpu& chunk, const cuda::Stream& stream) {
  const auto images = static_cast<unsigned>(chunk.images);
  cuda::launch(stream, {{static_cast<unsigned>(shape.panels()), images}, {panel_nodes}}, "to scale keys", scale_keys,
               shape, chunk);
}

void make_graphs(const PanelShape& shape, const AffinityOptions& options, const ChunkOnGpu& chunk,
                 const cuda::Stream& stream) {
  prepare_keys(shape, options, chunk, stream);
  if (options.temperature) {
    multiply_to_weights(shape, static_cast<float>(1.0 / *options.temperature), chunk, stream);
  } else {
    multiply_to_bits(shape, options.threshold, chunk, stream);
  }
}

}  // namespace datus::affinity
