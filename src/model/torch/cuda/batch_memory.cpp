// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/batch_memory.hpp"

#include "datus/core/parallel.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace datus {

std::uint8_t* ImageUpload::put(std::span<const Image* const> images, std::size_t places, int threads,
                               const cuda::Stream& stream) {
  const std::size_t bytes = images.front()->pixels.size();
  // The last copy may still read the pinned memory, and kernels the other.
  copied_.wait();
  if (host_.size() < images.size() * bytes) host_ = cuda::PinnedArray<std::uint8_t>(images.size() * bytes);
  if (device_.size() < places * bytes) {
    device_ = cuda::DeviceArray<std::uint8_t>(places * bytes, "memory for images");
    cuda::clear(device_.data(), device_.size(), stream);
  }
  parallel_for(static_cast<std::int64_t>(images.size()), threads, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    std::memcpy(host_.data() + index * bytes, images[index]->pixels.data(), bytes);
  });
  cuda::copy(device_.data(), std::as_const(host_).span().data(), images.size() * bytes, stream);
  copied_.record(stream);
  return device_.data();
}

const std::int16_t* MapUpload::put(std::span<const std::int16_t> values, const cuda::Stream& stream) {
  copied_.wait();
  if (host_.size() < values.size()) host_ = cuda::PinnedArray<std::int16_t>(values.size());
  if (device_.size() < values.size()) {
    device_ = cuda::DeviceArray<std::int16_t>(values.size(), "memory for segment maps");
  }
  std::ranges::copy(values, host_.data());
  cuda::copy(device_.data(), std::as_const(host_).span().data(), values.size(), stream);
  copied_.record(stream);
  return device_.data();
}

void Download::start(const at::Tensor& tensor, const cuda::Stream& from, const cuda::Stream& stream) {
  tensor_ = tensor;
  const std::size_t bytes = tensor.nbytes();
  if (host_.size() < bytes) host_ = cuda::PinnedArray<std::byte>(bytes);
  computed_.record(from);
  computed_.hold(stream);
  cuda::copy(host_.data(), static_cast<const std::byte*>(tensor.data_ptr()), bytes, stream);
  copied_.record(stream);
}

template <class T>
void Download::finish(std::span<T> to, std::size_t row, int threads) {
  copied_.wait();
  const auto rows = static_cast<std::int64_t>((to.size() + row - 1) / std::max<std::size_t>(row, 1));
  parallel_for(rows, threads, [&](std::int64_t r) {
    const std::size_t begin = static_cast<std::size_t>(r) * row;
    take(begin, to.subspan(begin, std::min(row, to.size() - begin)));
  });
  // Given back to LibTorch's allocator, whose next tensor in the place comes later in the same stream: the copy is
  // done.
  tensor_.reset();
}
template void Download::finish(std::span<float> to, std::size_t row, int threads);
template void Download::finish(std::span<half> to, std::size_t row, int threads);

void Download::take(std::size_t begin, std::span<float> to) const {
  if (tensor_.scalar_type() == at::kHalf) {
    to_float(std::span(reinterpret_cast<const half*>(host_.span().data()) + begin, to.size()), to);
  } else {
    std::memcpy(to.data(), reinterpret_cast<const float*>(host_.span().data()) + begin, to.size_bytes());
  }
}

void Download::take(std::size_t begin, std::span<half> to) const {
  if (tensor_.scalar_type() == at::kHalf) {
    std::memcpy(to.data(), reinterpret_cast<const half*>(host_.span().data()) + begin, to.size_bytes());
  } else {
    to_half(std::span(reinterpret_cast<const float*>(host_.span().data()) + begin, to.size()), to);
  }
}

}  // namespace datus
