// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/gpu_affinity.hpp"
#include "datus/algo/gpu_keys.hpp"
#include "datus/core/half.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace datus {

/// The smoothed embeddings of many images, made on a GPU: the same bits as `smooth_embeddings`.
///
/// Images go through in chunks, which are staged, submitted and taken as those of `GpuAffinity` are, by as many
/// threads. Not collective. A call that needs the GPU throws `SystemError` for what that refuses; the object is good
/// for nothing but to be destroyed then.
class GpuSmoothing {
 public:
  /// On GPU `gpu` as `survey_gpus` counts them, for `nodes` patches with embeddings of `dim` values, in chunks of up to
  /// `images` images. All memory is allocated here: per image of a chunk, twice nodes * 8 * dim bytes of pinned memory,
  /// and four times as much of the GPU's beside 8 * nodes * nodes.
  ///
  /// Throws `DeviceMemoryError` when the GPU's memory does not suffice; `SystemError` in a build without CUDA;
  /// `InputError` for a number of patches as `checked_nodes`; `UsageError` for a temperature as `smooth_embeddings`,
  /// fewer than 1 dimension, or other than 1 to `GpuAffinity::max_capacity` images.
  GpuSmoothing(int gpu, int nodes, int dim, int images, double temperature);
  GpuSmoothing(GpuSmoothing&& other) noexcept;
  GpuSmoothing& operator=(GpuSmoothing&& other) noexcept;
  GpuSmoothing(const GpuSmoothing&) = delete;
  GpuSmoothing& operator=(const GpuSmoothing&) = delete;
  /// Waits for what was submitted.
  ~GpuSmoothing();

  /// The most images of a chunk.
  [[nodiscard]] int capacity() const noexcept;

  /// The embeddings [nodes, dim] and flags [nodes] of image `image` of the chunk to be submitted next, wherever they
  /// are, as `GpuAffinity::stage`. The embeddings are finite.
  void stage(int image, std::span<const float> embeddings, std::span<const std::uint8_t> valid = {});
  void stage(int image, std::span<const half> embeddings, std::span<const std::uint8_t> valid = {});
  void stage(int image, const GpuKeys& embeddings, std::size_t from, std::span<const std::uint8_t> valid = {});

  /// Starts the GPU on images 0 ... images - 1, as staged. Ends the use of what was taken last. Throws as
  /// `GpuAffinity::submit`.
  void submit(int images);
  /// Waits for the chunk submitted first and returns its number of images. Throws `UsageError` when there is none.
  int take();
  /// The smoothed embeddings [nodes, dim] of an image of the chunk taken last, until the next `submit` or `take`.
  /// Throws `UsageError` for an image that it does not have.
  [[nodiscard]] std::span<const float> smoothed(int image) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace datus
