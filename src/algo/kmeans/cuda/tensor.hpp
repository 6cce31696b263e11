// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/cuda/views.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstdint>
#include <memory>

namespace datus::clustering::gpu {

class ApproximateProduct;

/// The nearest centroid of each row by way of tensor cores: they tell which centroids can be it, by their error bound,
/// and where that leaves more than one, distances in f64 decide.
class TensorSearch {
 public:
  /// For up to so many clusters, one at least, and slabs of so many rows, one at least; on the GPU in use.
  TensorSearch(int most_clusters, std::int64_t most_rows);
  ~TensorSearch();
  TensorSearch(const TensorSearch&) = delete;
  TensorSearch& operator=(const TensorSearch&) = delete;
  TensorSearch(TensorSearch&&) = delete;
  TensorSearch& operator=(TensorSearch&&) = delete;

  /// labels: [slab.count]; norms: |x|^2, [local rows].
  void nearest(const Slab& slab, const CentroidView& centroids, const double* norms, std::int32_t* labels,
               const cuda::Stream& stream);

 private:
  std::unique_ptr<ApproximateProduct> product_;
  /// Of a few rows, so that they stay in the GPU's cache: [rows, K].
  cuda::DeviceArray<float> products_;
};

/// The decision for the rows of a slab. products: [slab.count, K], approximate.
void decide(const Slab& slab, const CentroidView& centroids, const float* products, const double* norms,
            std::int32_t* labels, const cuda::Stream& stream);

}  // namespace datus::clustering::gpu
