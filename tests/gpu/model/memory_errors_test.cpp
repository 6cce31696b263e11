// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/memory_errors.hpp"

#include <string>

#include <gtest/gtest.h>

namespace datus {
namespace {

TEST(MemoryErrors, AreToldFromOthersInWhateverWordsTheyCome) {
  const auto says = [](const std::string& text) {
    try {
      TORCH_CHECK(false, text);
    } catch (const c10::Error& error) {
      return says_out_of_memory(error);
    }
    return false;
  };
  EXPECT_TRUE(says("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"));
  EXPECT_TRUE(says("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"));
  EXPECT_TRUE(says("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"));
  EXPECT_TRUE(says("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"));
  EXPECT_FALSE(says("CUDA error: an illegal memory access was encountered"));
  EXPECT_FALSE(says("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"));
  try {
    TORCH_CHECK_WITH(OutOfMemoryError, false, "in any words");
  } catch (const c10::Error& error) {
    EXPECT_TRUE(says_out_of_memory(error));
  }
}

}  // namespace
}  // namespace datus
