// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/gpu.hpp"
#include "model/torch/cuda/torch_gpu.hpp"

namespace datus {

/// What `action` returns, which takes memory of the GPU: LibTorch keeps what it does not need for its next tensors, and
/// gives it back where that is not enough.
template <class Action>
auto with_spare_memory(const Action& action) {
  try {
    return action();
  } catch (const DeviceMemoryError&) {
    torch_gpu::give_spare_memory_back();
  }
  return action();
}

}  // namespace datus
