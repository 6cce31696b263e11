#pragma once

#include "algo/kmeans/kernels.hpp"
#include "datus/algo/aligned_vector.hpp"

#include <cstdint>
#include <span>

namespace datus::clustering {

/// Centroids as the kernels want them.
class PackedCentroids {
 public:
  /// From [K, D].
  PackedCentroids(std::span<const float> centroids, int clusters, int dim, const Kernels& kernels);

  [[nodiscard]] PackedView view() const { return {values_.data(), norms_.data(), groups_, dim_}; }

 private:
  int groups_;
  int dim_;
  AlignedVector<float> values_;
  AlignedVector<float> norms_;
};

}  // namespace datus::clustering
