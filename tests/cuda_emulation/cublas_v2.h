// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

// In the place of cuBLAS. Its products in TF32 are as wrong as tensor cores may make them: what is correct with these is
// correct with any.

#include <cmath>
#include <cstddef>

enum cublasStatus_t { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_ALLOC_FAILED = 3, CUBLAS_STATUS_INVALID_VALUE = 7 };
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };
enum cudaDataType { CUDA_R_32F = 0 };
enum cublasComputeType_t { CUBLAS_COMPUTE_32F_FAST_TF32 = 77 };
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT = -1 };

struct cublasContext {
  cudaStream_t stream = nullptr;
};
using cublasHandle_t = cublasContext*;

inline const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "success" : "an error of the emulation";
}
inline cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

namespace cuda_emulation {

/// The product of two vectors, wrong by nearly all that factors with 10 bits of fraction can make of it; up or down
/// depends on where it stands.
inline float worst_product(const float* a, const float* b, int size, unsigned place) {
  double sum = 0.0;
  double squares_a = 0.0;
  double squares_b = 0.0;
  for (int i = 0; i < size; ++i) {
    sum += double{a[i]} * double{b[i]};
    squares_a += double{a[i]} * double{a[i]};
    squares_b += double{b[i]} * double{b[i]};
  }
  const double error = 0.999 * 0x1p-9 * std::sqrt(squares_a) * std::sqrt(squares_b);
  return static_cast<float>((place * 2654435761U >> 16U & 1U) != 0 ? sum + error : sum - error);
}

}  // namespace cuda_emulation

/// C = A^T B for column-major matrices of f32, in TF32, and nothing else.
inline cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transpose_a, cublasOperation_t transpose_b,
                                   int m, int n, int k, const void* alpha, const void* a, cudaDataType, int lda,
                                   const void* b, cudaDataType, int ldb, const void* beta, void* c, cudaDataType,
                                   int ldc, cublasComputeType_t, cublasGemmAlgo_t) {
  const bool is_known = transpose_a == CUBLAS_OP_T && transpose_b == CUBLAS_OP_N &&
                        *static_cast<const float*>(alpha) == 1.0F && *static_cast<const float*>(beta) == 0.0F;
  if (!is_known || m < 1 || n < 1 || lda < k || ldb < k || ldc < m) return CUBLAS_STATUS_INVALID_VALUE;
  cuda_emulation::enqueue(handle->stream, [=] {
    for (int column = 0; column < n; ++column) {
      for (int row = 0; row < m; ++row) {
        static_cast<float*>(c)[std::ptrdiff_t{column} * ldc + row] = cuda_emulation::worst_product(
            static_cast<const float*>(a) + std::ptrdiff_t{row} * lda,
            static_cast<const float*>(b) + std::ptrdiff_t{column} * ldb, k, static_cast<unsigned>(column * 7919 + row));
      }
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}
