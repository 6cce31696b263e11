// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <cstddef>
#include <utility>

namespace datus::cuda {

/// How many blocks of how many threads run a kernel.
struct LaunchShape {
  dim3 blocks;
  dim3 threads;
  /// Bytes of dynamic shared memory per block.
  std::size_t shared_bytes = 0;
};

/// Puts a kernel into the stream. A plain call of the runtime instead of <<<>>>, so that files with launchers need no
/// CUDA compiler to be read. Throws `SystemError` when it cannot start; what goes wrong in it shows at the next wait.
template <class... Parameters, class... Arguments>
void launch(const Stream& stream, const LaunchShape& shape, const char* what, void (*kernel)(Parameters...),
            Arguments&&... arguments) {
  if (shape.blocks.x == 0 || shape.blocks.y == 0 || shape.blocks.z == 0) return;
  const cudaLaunchConfig_t config{shape.blocks, shape.threads, shape.shared_bytes, stream.get(), nullptr, 0};
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), what);
}

}  // namespace datus::cuda
