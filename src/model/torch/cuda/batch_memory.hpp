// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/memory.hpp"
#include "datus/core/half.hpp"
#include "datus/core/image.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// Images on their way to the GPU: pinned memory and memory there, used again and again, and longer when need be.
class ImageUpload {
 public:
  /// Copies images of equal size to room for `places` of them, as work of `stream`; `threads` of the CPU gather them.
  /// The images are not needed any more when the call returns. Returns uint8 [places, height, width, 3] on the device;
  /// what lies behind the images there is of no meaning.
  std::uint8_t* put(std::span<const Image* const> images, std::size_t places, int threads, const cuda::Stream& stream);

 private:
  cuda::PinnedArray<std::uint8_t> host_;
  cuda::DeviceArray<std::uint8_t> device_;
  cuda::Event copied_;
};

/// Segment maps on their way there, the same way.
class MapUpload {
 public:
  /// Copies the values as work of `stream`; they are not needed any more when the call returns.
  const std::int16_t* put(std::span<const std::int16_t> values, const cuda::Stream& stream);

 private:
  cuda::PinnedArray<std::int16_t> host_;
  cuda::DeviceArray<std::int16_t> device_;
  cuda::Event copied_;
};

/// Results on their way back.
class Download {
 public:
  /// Begins to copy `tensor` (contiguous, on the device), once the work of `from` so far is done, on `stream`.
  void start(const at::Tensor& tensor, const cuda::Stream& from, const cuda::Stream& stream);
  /// Waits, and writes the first `to.size()` values, as float32 or rounded to float16, `row` values for a task of one
  /// of `threads` threads.
  template <class T>
  void finish(std::span<T> to, std::size_t row, int threads);

 private:
  /// Values from `begin` on, out of the pinned memory.
  void take(std::size_t begin, std::span<float> to) const;
  void take(std::size_t begin, std::span<half> to) const;

  at::Tensor tensor_;
  cuda::PinnedArray<std::byte> host_;
  cuda::Event computed_;
  cuda::Event copied_;
};

}  // namespace datus
