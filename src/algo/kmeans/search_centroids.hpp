// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"
#include "datus/algo/aligned_vector.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace datus::clustering {

/// Centroids as searches want them: in f32 and packed, to find those that may be the nearest, and in f64, to decide.
class SearchCentroids {
 public:
  /// From [K, D], which must outlive this.
  SearchCentroids(std::span<const double> values, int clusters, int dim);

  [[nodiscard]] PackedView packed() const { return {packed_.data(), norms_.data(), groups_, dim_}; }
  [[nodiscard]] std::span<const double> values() const { return values_; }
  [[nodiscard]] int clusters() const { return clusters_; }
  [[nodiscard]] int dim() const { return dim_; }

  /// By how much a score in f32, or |x|^2 plus it, may differ from the one of real numbers, for a row of this |x|^2
  /// that was rounded to f32 as the centroids are: the rounding of a chain of D fused multiply-adds in any order
  /// (Higham 2002, section 3.1). It covers the rounding of squared distances in f64 many times. Infinite where f32 may
  /// overflow.
  [[nodiscard]] double error(double squared_norm) const {
    constexpr double overflow = 0x1p118;
    // |c|^2 + 2 |x| |c|: what the terms of a score add up to at most.
    const double terms = largest_squared_norm_ + 2.0 * std::sqrt(squared_norm * largest_squared_norm_);
    return squared_norm + largest_squared_norm_ < overflow ? share_ * terms + floor_
                                                           : std::numeric_limits<double>::infinity();
  }

 private:
  std::span<const double> values_;
  int clusters_;
  int dim_;
  int groups_;
  double largest_squared_norm_ = 0.0;
  double share_;
  double floor_;
  AlignedVector<float> packed_;
  AlignedVector<float> norms_;
};

}  // namespace datus::clustering
