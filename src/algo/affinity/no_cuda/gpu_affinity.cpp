// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/gpu_affinity.hpp"

#include "datus/core/error.hpp"

namespace datus {
namespace {

[[noreturn]] void refuse() {
  throw SystemError("Affinity graphs cannot be made on a GPU", "this build has no CUDA (DATUS_CUDA=OFF)",
                    "Use model.device: cpu, or a build with -DDATUS_CUDA=ON.");
}

}  // namespace

struct GpuAffinity::Impl {};

// What needs an object is never reached: there is none.
GpuAffinity::GpuAffinity(int /*gpu*/, int /*nodes*/, int /*dim*/, int /*images*/, const AffinityOptions& /*options*/) {
  refuse();
}
GpuAffinity::GpuAffinity(GpuAffinity&& other) noexcept = default;
GpuAffinity& GpuAffinity::operator=(GpuAffinity&& other) noexcept = default;
GpuAffinity::~GpuAffinity() = default;

int GpuAffinity::capacity() const noexcept {
  return 0;
}
void GpuAffinity::subtract(std::span<const float> /*mean*/) {
  refuse();
}
void GpuAffinity::stage(int /*image*/, std::span<const float> /*keys*/, std::span<const std::uint8_t> /*valid*/) {
  refuse();
}
void GpuAffinity::stage(int /*image*/, std::span<const half> /*keys*/, std::span<const std::uint8_t> /*valid*/) {
  refuse();
}
void GpuAffinity::stage(int /*image*/, const GpuKeys& /*keys*/, std::size_t /*from*/,
                        std::span<const std::uint8_t> /*valid*/) {
  refuse();
}
void GpuAffinity::submit(int /*images*/) {
  refuse();
}
int GpuAffinity::take() {
  refuse();
}
BitGraph GpuAffinity::graph(int /*image*/) const {
  refuse();
}
WeightedGraph GpuAffinity::weighted_graph(int /*image*/) const {
  refuse();
}

}  // namespace datus
