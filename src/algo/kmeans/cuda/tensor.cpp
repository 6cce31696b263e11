// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/cuda/tensor.hpp"

#include "algo/kmeans/cuda/approximate_product.hpp"

#include <algorithm>

namespace datus::clustering::gpu {
namespace {

/// A part of the second-level cache of the cards that this is for (40 MB and more).
constexpr std::int64_t products_in_cache = (std::int64_t{16} << 20U) / static_cast<std::int64_t>(sizeof(float));

}  // namespace

TensorSearch::TensorSearch(int most_clusters, std::int64_t most_rows)
    : product_(std::make_unique<ApproximateProduct>()),
      products_(static_cast<std::size_t>(most_clusters) *
                    static_cast<std::size_t>(std::clamp<std::int64_t>(products_in_cache / most_clusters, 1, most_rows)),
                "memory for products of rows and centroids") {}

TensorSearch::~TensorSearch() = default;

void TensorSearch::nearest(const Slab& slab, const CentroidView& centroids, const double* norms, std::int32_t* labels,
                           const cuda::Stream& stream) {
  const auto rows_at_once = static_cast<std::int64_t>(products_.size()) / centroids.clusters;
  for (std::int64_t begin = 0; begin < slab.count; begin += rows_at_once) {
    Slab part = slab;
    part.values += begin * slab.pitch;
    part.first += begin;
    part.count = std::min(rows_at_once, slab.count - begin);
    product_->multiply(part.values, part.count, centroids.values, centroids.clusters, slab.pitch, products_.data(),
                       stream);
    decide(part, centroids, products_.data(), norms, labels + begin, stream);
  }
}

}  // namespace datus::clustering::gpu
