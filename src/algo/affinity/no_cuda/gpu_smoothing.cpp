// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_smoothing.hpp"

#include "datus/core/error.hpp"

namespace datus {
namespace {

[[noreturn]] void refuse() {
  throw SystemError("Embeddings cannot be smoothed on a GPU", "this build has no CUDA (DATUS_CUDA=OFF)",
                    "Use model.device: cpu, or a build with -DDATUS_CUDA=ON.");
}

}  // namespace

struct GpuSmoothing::Impl {};

// What needs an object is never reached: there is none.
GpuSmoothing::GpuSmoothing(int /*gpu*/, int /*nodes*/, int /*dim*/, int /*images*/, double /*temperature*/) {
  refuse();
}
GpuSmoothing::GpuSmoothing(GpuSmoothing&& other) noexcept = default;
GpuSmoothing& GpuSmoothing::operator=(GpuSmoothing&& other) noexcept = default;
GpuSmoothing::~GpuSmoothing() = default;

int GpuSmoothing::capacity() const noexcept {
  return 0;
}
void GpuSmoothing::stage(int /*image*/, std::span<const float> /*embeddings*/,
                         std::span<const std::uint8_t> /*valid*/) {
  refuse();
}
void GpuSmoothing::stage(int /*image*/, std::span<const half> /*embeddings*/, std::span<const std::uint8_t> /*valid*/) {
  refuse();
}
void GpuSmoothing::stage(int /*image*/, const GpuKeys& /*embeddings*/, std::size_t /*from*/,
                         std::span<const std::uint8_t> /*valid*/) {
  refuse();
}
void GpuSmoothing::submit(int /*images*/) {
  refuse();
}
int GpuSmoothing::take() {
  refuse();
}
std::span<const float> GpuSmoothing::smoothed(int /*image*/) const {
  refuse();
}

}  // namespace datus
