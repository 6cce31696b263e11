// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace datus::cuda {

/// The dynamic shared memory of a block, as many bytes as its launch asked for, aligned to 16.
template <class T>
__device__ inline T* dynamic_shared() {
  extern __shared__ uint4 datus_dynamic_shared[];
  return reinterpret_cast<T*>(datus_dynamic_shared);
}

}  // namespace datus::cuda
