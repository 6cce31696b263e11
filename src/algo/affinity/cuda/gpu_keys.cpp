// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_keys.hpp"

#include "datus/core/cuda/memory.hpp"

namespace datus {

struct GpuKeys::Memory {
  cuda::DeviceArray<std::byte> bytes;
};

GpuKeys::GpuKeys(int gpu, const Shape& shape) : shape_(shape), memory_(new Memory) {
  cuda::use_gpu(gpu);
  memory_->bytes = cuda::DeviceArray<std::byte>(shape.images * shape.image_bytes(), "memory for embeddings");
}
GpuKeys::GpuKeys(GpuKeys&& other) noexcept = default;
GpuKeys& GpuKeys::operator=(GpuKeys&& other) noexcept = default;
GpuKeys::~GpuKeys() = default;

std::byte* GpuKeys::address() const noexcept {
  return memory_->bytes.data();
}

}  // namespace datus
