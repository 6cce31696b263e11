// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

namespace datus::cuda {

/// Throws unless `status` is success: `DeviceMemoryError` when the GPU's memory does not suffice, otherwise
/// `SystemError` with CUDA's text. `what` names what was asked for: "a stream", "memory for the rows".
void check(cudaError_t status, const char* what);

/// Whether work is done, of which CUDA has said `status`; throws as `check` what went wrong in it.
[[nodiscard]] bool check_done(cudaError_t status, const char* what);

/// The same as `check` where nothing can be thrown: writes a line to the log.
void check_in_destructor(cudaError_t status, const char* what) noexcept;

/// Makes `index` the GPU of the calling thread until the end of the scope. CUDA keeps this setting per thread.
class UseGpu {
 public:
  explicit UseGpu(int index);
  ~UseGpu();
  UseGpu(const UseGpu&) = delete;
  UseGpu& operator=(const UseGpu&) = delete;
  UseGpu(UseGpu&&) = delete;
  UseGpu& operator=(UseGpu&&) = delete;

 private:
  int previous_ = 0;
};

}  // namespace datus::cuda
