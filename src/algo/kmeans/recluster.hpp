// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/draw.hpp"
#include "algo/kmeans/kernels.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// Points that stand for several rows each.
struct WeightedPoints {
  /// [count, D]; all of them differ.
  std::span<const double> values;
  /// [count], each at least 1.
  std::span<const std::int64_t> weights;
  int dim = 1;

  [[nodiscard]] std::int64_t count() const { return std::ssize(weights); }
};

/// K centroids [K, D] of at least K points, all of them different: greedy weighted k-means++ and a few of Lloyd's
/// iterations, as `kmeans` defines them for the candidates of k-means||. Not collective, and the same bits for any
/// number of threads and any kernels.
[[nodiscard]] std::vector<double> recluster(const WeightedPoints& points, int clusters, DrawKey key,
                                            const Kernels& kernels, int threads);

}  // namespace datus::clustering
