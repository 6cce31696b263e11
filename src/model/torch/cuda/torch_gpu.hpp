// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <memory>
#include <string>

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

// All that is asked of LibTorch's own part for GPUs. Everything else of the model is for any device of LibTorch.

namespace datus::torch_gpu {

/// GPU `index`, as CUDA counts them.
[[nodiscard]] c10::Device device(int index);

/// While it lives, LibTorch's work on this thread is work of `stream`, which is one of GPU `index`.
class OnStream {
 public:
  OnStream(const cuda::Stream& stream, int index);
  ~OnStream();
  OnStream(const OnStream&) = delete;
  OnStream& operator=(const OnStream&) = delete;
  OnStream(OnStream&&) = delete;
  OnStream& operator=(OnStream&&) = delete;

 private:
  struct Guard;
  std::unique_ptr<Guard> guard_;
};

/// Gives the memory back that LibTorch has for its next tensors, for others to take. From any thread.
void give_spare_memory_back();

/// "cuBLAS 13.1.0, cuDNN 9.15.1": of the libraries that run.
[[nodiscard]] std::string library_versions();

}  // namespace datus::torch_gpu
