// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <cuda_runtime.h>

namespace datus::torch_gpu {

/// While it lives, operations of LibTorch on this thread are counted, and recorded where the stream records: as on a
/// card only their shapes are found then, and their work is done when the graph is launched, with the addresses that
/// they had. An operation within another one is a part of that.
class OperationsOfStream {
 public:
  explicit OperationsOfStream(cudaStream_t stream);
  ~OperationsOfStream();
  OperationsOfStream(const OperationsOfStream&) = delete;
  OperationsOfStream& operator=(const OperationsOfStream&) = delete;
  OperationsOfStream(OperationsOfStream&&) = delete;
  OperationsOfStream& operator=(OperationsOfStream&&) = delete;

 private:
  cudaStream_t before_;
  c10::impl::IncludeDispatchKeyGuard guard_;
};

/// The stream of this thread's operations, or null.
cudaStream_t stream_of_operations();

}  // namespace datus::torch_gpu
