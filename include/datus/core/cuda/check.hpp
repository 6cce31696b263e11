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

/// Makes `index` the GPU of the calling thread, and leaves it so: CUDA makes a context, half a gigabyte, on each GPU
/// that a thread chooses, and GPU 0, which a thread begins with, is another rank's. Throws `SystemError`.
void use_gpu(int index);

/// The GPU that was in use when something was made on it. Who waits for that or gives it back, on any thread, uses it
/// again: most calls of CUDA make a context on the GPU of the calling thread, whatever they are about.
class HomeGpu {
 public:
  /// None yet.
  HomeGpu() = default;
  /// The GPU of the calling thread.
  [[nodiscard]] static HomeGpu in_use();
  /// Makes it the GPU of the calling thread, as `use_gpu`; where that fails, the next call there does too and says so.
  void use() const noexcept;

 private:
  explicit HomeGpu(int index) noexcept : index_(index) {}
  int index_ = -1;
};

}  // namespace datus::cuda
