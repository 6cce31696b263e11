// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/cuda/approximate_product.hpp"

#include "datus/core/gpu.hpp"
#include "datus/core/log.hpp"

#include <string>

namespace datus::clustering::gpu {
namespace {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string problem = std::string("cuBLAS refused ") + what;
  const std::string why = cublasGetStatusString(status);
  if (status == CUBLAS_STATUS_ALLOC_FAILED) {
    throw DeviceMemoryError(problem, why, "Leave more of the GPU's memory free, see nvidia-smi.");
  }
  throw SystemError(problem, why, "Run it again; if it stays, use cluster.device: cpu.");
}

}  // namespace

ApproximateProduct::ApproximateProduct() {
  check(cublasCreate(&handle_), "to start");
}

ApproximateProduct::~ApproximateProduct() {
  // It must end on the GPU on which it was started.
  home_.use();
  if (cublasDestroy(handle_) != CUBLAS_STATUS_SUCCESS) log::warning("cuBLAS refused to end");
}

void ApproximateProduct::multiply(const float* rows, std::int64_t count, const float* centroids, int clusters,
                                  int pitch, float* products, const cuda::Stream& stream) {
  check(cublasSetStream(handle_, stream.get()), "a stream");
  const float one = 1.0F;
  const float zero = 0.0F;
  // Row-major [count, clusters] is column-major [clusters, count].
  check(cublasGemmEx(handle_, CUBLAS_OP_T, CUBLAS_OP_N, clusters, static_cast<int>(count), pitch, &one, centroids,
                     CUDA_R_32F, pitch, rows, CUDA_R_32F, pitch, &zero, products, CUDA_R_32F, clusters,
                     CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_GEMM_DEFAULT),
        "a product of rows and centroids");
}

}  // namespace datus::clustering::gpu
