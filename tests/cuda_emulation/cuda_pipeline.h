// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

// In the place of CUDA's header of the same name: asynchronous copies to shared memory, which are there when the thread
// that started them has waited for them.

inline void __pipeline_memcpy_async(void* to, const void* from, std::size_t bytes, std::size_t zeros = 0) {
  cuda_emulation::start_copy([=] {
    std::memcpy(to, from, bytes - zeros);
    std::memset(static_cast<char*>(to) + (bytes - zeros), 0, zeros);
  });
}
inline void __pipeline_commit() {
  cuda_emulation::commit_copies();
}
inline void __pipeline_wait_prior(std::size_t pending) {
  cuda_emulation::wait_for_copies(pending);
}
