// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_smoothing.hpp"

#include "algo/affinity/cuda/chunk_order.hpp"
#include "algo/affinity/cuda/smoothing.hpp"
#include "algo/affinity/cuda/staged_keys.hpp"
#include "algo/affinity/product.hpp"
#include "datus/core/cuda/memory.hpp"

#include <cstddef>

namespace datus {
namespace {

using affinity::ChunkOrder;
using affinity::SmoothingOnGpu;
using affinity::SmoothingShape;

/// Memory and stream of one chunk.
class Slot {
 public:
  Slot(const SmoothingShape& shape, std::size_t images, double temperature)
      : shape_(shape),
        scale_(static_cast<float>(1.0 / temperature)),
        keys_(shape.keys, images, what),
        mean_(images * static_cast<std::size_t>(shape.keys.dim), what),
        packed_(images * shape.keys.packed_values(), what),
        weights_(images * shape.weight_values(), what),
        embeddings_(images * shape.embedding_values(), what),
        host_smooth_(images * shape.keys.key_values()) {}

  [[nodiscard]] affinity::StagedKeys& keys() { return keys_; }

  void start(std::size_t images) {
    keys_.send(images, stream_);
    // The result takes the place of the embeddings: it is written when they are read no more.
    SmoothingOnGpu chunk{.keys = keys_.chunk(images),
                         .weights = weights_.data(),
                         .embeddings = embeddings_.data(),
                         .smooth = reinterpret_cast<float*>(keys_.keys())};
    chunk.keys.mean = mean_.data();
    chunk.keys.packed = packed_.data();
    affinity::smooth_chunk(shape_, affinity::smoothing_options(), scale_, chunk, stream_);
    cuda::copy(host_smooth_.data(), chunk.smooth, images * shape_.keys.key_values(), stream_);
    started_ = images;
  }

  std::size_t wait() {
    stream_.wait();
    return started_;
  }

  [[nodiscard]] std::span<const float> smoothed(std::size_t image) const {
    const std::size_t values = shape_.keys.key_values();
    return host_smooth_.span().subspan(image * values, values);
  }

 private:
  static constexpr const char* what = "memory for smoothing";

  SmoothingShape shape_;
  float scale_;
  affinity::StagedKeys keys_;
  std::size_t started_ = 0;
  cuda::DeviceArray<float> mean_;
  cuda::DeviceArray<float> packed_;
  cuda::DeviceArray<float> weights_;
  cuda::DeviceArray<float> embeddings_;
  cuda::PinnedArray<float> host_smooth_;
  cuda::Stream stream_;  // last: waits for its work before the memory goes
};

}  // namespace

struct GpuSmoothing::Impl {
  int gpu;
  ChunkOrder<Slot> order;
};

GpuSmoothing::GpuSmoothing(int gpu, int nodes, int dim, int images, double temperature) {
  affinity::require_smoothing(temperature);
  const SmoothingShape shape{affinity::checked_shape(nodes, dim, images)};
  cuda::use_gpu(gpu);
  const auto slot = [&] { return Slot(shape, static_cast<std::size_t>(images), temperature); };
  impl_ = std::make_unique<Impl>(Impl{gpu, ChunkOrder<Slot>(images, nodes, dim, slot)});
}

GpuSmoothing::GpuSmoothing(GpuSmoothing&& other) noexcept = default;
GpuSmoothing& GpuSmoothing::operator=(GpuSmoothing&& other) noexcept = default;
GpuSmoothing::~GpuSmoothing() = default;

int GpuSmoothing::capacity() const noexcept {
  return impl_->order.capacity();
}

void GpuSmoothing::stage(int image, std::span<const float> embeddings, std::span<const std::uint8_t> valid) {
  Slot& slot = impl_->order.place_for(image, embeddings.size(), valid);
  slot.keys().stage(static_cast<std::size_t>(image), embeddings, valid);
}
void GpuSmoothing::stage(int image, std::span<const half> embeddings, std::span<const std::uint8_t> valid) {
  Slot& slot = impl_->order.place_for(image, embeddings.size(), valid);
  slot.keys().stage(static_cast<std::size_t>(image), embeddings, valid);
}
void GpuSmoothing::stage(int image, const GpuKeys& embeddings, std::size_t from, std::span<const std::uint8_t> valid) {
  Slot& slot = impl_->order.place_for(image, embeddings.shape(), from, valid);
  slot.keys().stage(static_cast<std::size_t>(image), embeddings, from, valid);
}

void GpuSmoothing::submit(int images) {
  cuda::use_gpu(impl_->gpu);
  impl_->order.submit(images);
}

int GpuSmoothing::take() {
  return impl_->order.take();
}

std::span<const float> GpuSmoothing::smoothed(int image) const {
  return impl_->order.slot_of(image).smoothed(static_cast<std::size_t>(image));
}

}  // namespace datus
