// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/affinity.hpp"
#include "datus/algo/bit_graph.hpp"
#include "datus/algo/gpu_keys.hpp"
#include "datus/algo/weighted_graph.hpp"
#include "datus/core/half.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace datus {

/// The affinity graphs of many images, made on a GPU: the same bits as `build_bit_graph`, or with a temperature the
/// same weights as `build_weighted_graph`.
///
/// Images go through in chunks, and the GPU works on one while the host stages the next one and uses the graphs of the
/// last one:
///
///     stage images of chunk 0, submit; stage images of chunk 1, submit;
///     for each chunk: take; stage the next but one and use the graphs, on as many threads as you like; submit.
///
/// `stage` and `graph` may run on many threads at once, for different images; `submit` and `take` run beside nothing.
/// Not collective. A call that needs the GPU throws `SystemError` for what that refuses; the object is good for nothing
/// but to be destroyed then.
class GpuAffinity {
 public:
  /// Chunks that may be submitted and not yet taken.
  static constexpr int depth = 2;
  /// No chunk can have more images: CUDA's limit of a grid.
  static constexpr int max_capacity = 65535;

  /// On GPU `gpu` as `survey_gpus` counts them, for graphs of `nodes` patches with keys of `dim` values, in chunks of
  /// up to `images` images. All memory is allocated here: per image of a chunk, twice
  /// nodes * (4 * dim + nodes / 8) bytes of pinned memory, 2 * nodes in place of nodes / 8 with a temperature, and
  /// about 4 times nodes * (4 * dim) bytes of the GPU's beside twice those of the graph.
  ///
  /// Throws `DeviceMemoryError` when the GPU's memory does not suffice; `SystemError` in a build without CUDA;
  /// `InputError` for a number of patches as `checked_nodes`; `UsageError` for a quantile (which needs all affinities
  /// of an image at once: `build_bit_graph` has it), a temperature that `build_weighted_graph` refuses, fewer than 1
  /// dimension, or other than 1 to `max_capacity` images.
  GpuAffinity(int gpu, int nodes, int dim, int images, const AffinityOptions& options = {});
  GpuAffinity(GpuAffinity&& other) noexcept;
  GpuAffinity& operator=(GpuAffinity&& other) noexcept;
  GpuAffinity(const GpuAffinity&) = delete;
  GpuAffinity& operator=(const GpuAffinity&) = delete;
  /// Waits for what was submitted.
  ~GpuAffinity();

  /// The most images of a chunk.
  [[nodiscard]] int capacity() const noexcept;

  /// From now on this mean [dim] is subtracted from each value of a key, in f32, before all else; nothing where it is
  /// empty. Throws `UsageError` for one of another width, or when it is another one and a chunk waits to be taken.
  void subtract(std::span<const float> mean);

  /// Copies the keys [nodes, dim] and flags [nodes] (0 = padding, empty = all valid) of image `image` of the chunk to
  /// be submitted next. They travel as f16 where all are f16 values, as f32 otherwise; both are exact. Throws
  /// `InputError` as `build_bit_graph`; `UsageError` for an image beyond the capacity.
  void stage(int image, std::span<const float> keys, std::span<const std::uint8_t> valid = {});
  /// The same for keys that are f16 already: a copy.
  void stage(int image, std::span<const half> keys, std::span<const std::uint8_t> valid = {});
  /// The same for the keys of image `from` that lie on this GPU, complete: they do not travel. They must stay there
  /// until the chunk is taken. Throws `UsageError` for an image beyond them, too.
  void stage(int image, const GpuKeys& keys, std::size_t from, std::span<const std::uint8_t> valid = {});

  /// Starts the GPU on images 0 ... images - 1, as staged. Ends the use of the graphs taken last. Throws `UsageError`
  /// for fewer than 1 or more than `capacity()` images, or when `depth` chunks are waiting to be taken.
  void submit(int images);

  /// Waits for the chunk submitted first and returns its number of images. Throws `UsageError` when there is none.
  int take();

  /// The graph of an image of the chunk taken last, until the next `submit` or `take`. Throws `UsageError` for an image
  /// that it does not have, and with a temperature.
  [[nodiscard]] BitGraph graph(int image) const;
  /// The same with a temperature, and without one a `UsageError`. Throws `InputError` as `build_weighted_graph` for an
  /// affinity that is not finite.
  [[nodiscard]] WeightedGraph weighted_graph(int image) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace datus
