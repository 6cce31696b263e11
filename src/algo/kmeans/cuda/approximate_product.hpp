// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/stream.hpp"

#include <cstdint>

#include <cublas_v2.h>

namespace datus::clustering::gpu {

/// Products of matrices on tensor cores, in TF32: quick and not exact. For the GPU that was in use when it was made.
class ApproximateProduct {
 public:
  ApproximateProduct();
  ~ApproximateProduct();
  ApproximateProduct(const ApproximateProduct&) = delete;
  ApproximateProduct& operator=(const ApproximateProduct&) = delete;
  ApproximateProduct(ApproximateProduct&&) = delete;
  ApproximateProduct& operator=(ApproximateProduct&&) = delete;

  /// products[i][k] = row i . centroid k, as work of `stream`: rows [count, pitch], centroids [clusters, pitch],
  /// products [count, clusters], all in the memory of the GPU.
  void multiply(const float* rows, std::int64_t count, const float* centroids, int clusters, int pitch, float* products,
                const cuda::Stream& stream);

 private:
  cuda::HomeGpu home_ = cuda::HomeGpu::in_use();
  cublasHandle_t handle_ = nullptr;
};

}  // namespace datus::clustering::gpu
