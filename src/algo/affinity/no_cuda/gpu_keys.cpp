// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_keys.hpp"

#include "datus/core/error.hpp"

namespace datus {

struct GpuKeys::Memory {};

// What needs an object is never reached: there is none.
GpuKeys::GpuKeys(int /*gpu*/, const Shape& /*shape*/) {
  throw SystemError("Embeddings cannot be kept on a GPU", "this build has no CUDA (DATUS_CUDA=OFF)",
                    "Use model.device: cpu, or a build with -DDATUS_CUDA=ON.");
}
GpuKeys::GpuKeys(GpuKeys&& other) noexcept = default;
GpuKeys& GpuKeys::operator=(GpuKeys&& other) noexcept = default;
GpuKeys::~GpuKeys() = default;

std::byte* GpuKeys::address() const noexcept {
  return nullptr;
}

}  // namespace datus
