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

/// Memory that LibTorch keeps apart and for good, so that work which was recorded with its addresses can run again.
/// What is freed in it is for later tensors in it.
class ReservedMemory {
 public:
  /// Of GPU `gpu`; nothing yet.
  explicit ReservedMemory(int gpu);
  /// Once no recorded work uses it; `give_spare_memory_back` gives it to others then. Tensors that lie in it live on.
  ~ReservedMemory();
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;
  ReservedMemory(ReservedMemory&&) = delete;
  ReservedMemory& operator=(ReservedMemory&&) = delete;

  /// While it lives, tensors that are made for work of `stream`, that of this thread, lie there. LibTorch gives no
  /// memory back meanwhile: what has to be there is to be made before. One at a time.
  class Use {
   public:
    /// Throws `SystemError` where LibTorch is too old for that.
    Use(ReservedMemory& memory, const cuda::Stream& stream);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Use(Use&&) = delete;
    Use& operator=(Use&&) = delete;

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Gives the memory back that LibTorch has for its next tensors, for others to take. From any thread; waits while
/// another one uses memory that is reserved.
void give_spare_memory_back();

/// "cuBLAS 13.1.0, cuDNN 9.15.1": of the libraries that run.
[[nodiscard]] std::string library_versions();

}  // namespace datus::torch_gpu
