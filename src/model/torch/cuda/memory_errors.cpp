// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/memory_errors.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace datus {

bool says_out_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  // cuBLAS cannot even start where there is no room for its handle, and says "not initialised" then.
  constexpr std::array<std::string_view, 7> texts{"CUDA out of memory",
                                                  "CUDA error: out of memory",
                                                  "cudaErrorMemoryAllocation",
                                                  "CUBLAS_STATUS_ALLOC_FAILED",
                                                  "CUBLAS_STATUS_NOT_INITIALIZED",
                                                  "CUDNN_STATUS_ALLOC_FAILED",
                                                  "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"};
  const std::string text = error.what_without_backtrace();
  return std::ranges::any_of(texts, [&](std::string_view part) { return text.find(part) != std::string::npos; });
}

}  // namespace datus
