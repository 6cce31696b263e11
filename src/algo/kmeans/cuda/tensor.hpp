#pragma once

#include "algo/kmeans/cuda/views.hpp"
#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"

#include <cstdint>
#include <memory>

namespace datus::clustering::gpu {

class ApproximateProduct;

/// From so many clusters on, tensor cores pay: below, a search is bound by reading the rows.
inline constexpr int tensor_clusters = 64;

/// The nearest centroid of each row by way of tensor cores: they tell which centroids can be it, by their error bound,
/// and where that leaves more than one the exact chains decide. Labels are those of `nearest`.
class TensorSearch {
 public:
  /// For up to so many clusters, on the GPU in use.
  explicit TensorSearch(int most_clusters);
  ~TensorSearch();
  TensorSearch(const TensorSearch&) = delete;
  TensorSearch& operator=(const TensorSearch&) = delete;
  TensorSearch(TensorSearch&&) = delete;
  TensorSearch& operator=(TensorSearch&&) = delete;

  /// labels, scores: [slab.count]; norms: |x|^2, [local rows]. A score is exact where it is near what cannot be
  /// represented; otherwise it may be the approximate one.
  void nearest(const Slab& slab, const CentroidView& centroids, const float* norms, const Units& units,
               std::int32_t* labels, float* scores, const cuda::Stream& stream);

 private:
  std::unique_ptr<ApproximateProduct> product_;
  /// Of a few rows, so that they stay in the GPU's cache: [rows, K].
  cuda::DeviceArray<float> products_;
};

/// The decision for the rows of a slab. products: [slab.count, K], approximate.
void decide(const Slab& slab, const CentroidView& centroids, const float* products, const float* norms,
            const Units& units, std::int32_t* labels, float* scores, const cuda::Stream& stream);

}  // namespace datus::clustering::gpu
