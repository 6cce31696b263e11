// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

namespace datus::cuda {

/// In the place of the header of the same name, which needs a CUDA compiler.
template <class T>
T* dynamic_shared() {
  return static_cast<T*>(cuda_emulation::shared_memory());
}

}  // namespace datus::cuda
