// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/affinity/cuda/affinity_graphs.hpp"
#include "datus/algo/gpu_keys.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"
#include "datus/core/half.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus::affinity {

/// Of images with so many patches and dimensions, in chunks of so many. Throws `InputError` for a number of patches as
/// `checked_nodes`; `UsageError` for fewer than 1 dimension, or other than 1 to `GpuAffinity::max_capacity` images.
[[nodiscard]] PanelShape checked_shape(int nodes, int dim, int images);

/// The keys of a chunk of images on their way to the GPU: in pinned memory or on the GPU already, then in the chunk's
/// own memory there.
class StagedKeys {
 public:
  /// Memory for `capacity` images; `what` names it in errors.
  StagedKeys(const PanelShape& shape, std::size_t capacity, const char* what);

  /// Keys [nodes, dim] and flags [nodes] (0 = padding, empty = all valid) of an image, as they travel: as f16 where
  /// that loses nothing. From many threads, for different images.
  void stage(std::size_t image, std::span<const float> keys, std::span<const std::uint8_t> valid);
  void stage(std::size_t image, std::span<const half> keys, std::span<const std::uint8_t> valid);
  /// Keys of image `from` that lie on this GPU.
  void stage(std::size_t image, const GpuKeys& keys, std::size_t from, std::span<const std::uint8_t> valid);

  /// Copies those of the first `images` images to their place, as work of the stream.
  void send(std::size_t images, const cuda::Stream& stream);
  /// The chunk so far: these images, their keys, and which patches count.
  [[nodiscard]] ChunkOnGpu chunk(std::size_t images) const;
  /// Where the keys lie on the GPU, [capacity, nodes, dim] f32 in size: for another use once they have been read.
  [[nodiscard]] std::byte* keys() { return keys_.data(); }

 private:
  [[nodiscard]] std::size_t key_bytes() const { return shape_.key_values() * sizeof(float); }
  [[nodiscard]] std::size_t kept_words() const { return static_cast<std::size_t>(shape_.words_per_row); }
  [[nodiscard]] std::byte* place(std::size_t image) { return host_keys_.data() + image * key_bytes(); }
  void stage(std::size_t image, const std::byte* keys, bool halves, std::span<const std::uint8_t> valid);

  PanelShape shape_;
  std::vector<const std::byte*> staged_;  ///< where the keys of each image are taken from
  cuda::DeviceArray<std::byte> keys_;
  cuda::DeviceArray<std::uint8_t> halves_;
  cuda::DeviceArray<std::uint64_t> kept_;
  cuda::PinnedArray<std::byte> host_keys_;
  cuda::PinnedArray<std::uint8_t> host_halves_;
  cuda::PinnedArray<std::uint64_t> host_kept_;
};

}  // namespace datus::affinity
