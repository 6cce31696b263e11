#include "algo/kmeans/packed_centroids.hpp"

#include <limits>

namespace datus::clustering {

PackedCentroids::PackedCentroids(std::span<const float> centroids, int clusters, int dim, const Kernels& kernels)
    : groups_((clusters + group_size - 1) / group_size), dim_(dim) {
  const auto lanes = static_cast<std::size_t>(groups_) * group_size;
  values_.resize(lanes * static_cast<std::size_t>(dim));
  norms_.assign(lanes, std::numeric_limits<float>::infinity());
  kernels.squared_norms(centroids.data(), clusters, dim, norms_.data());
  for (std::int64_t k = 0; k < clusters; ++k) {
    const float* from = centroids.data() + k * dim;
    float* to = values_.data() + (k / group_size) * dim * group_size + k % group_size;
    for (std::int64_t d = 0; d < dim; ++d) to[d * group_size] = from[d];
  }
}

}  // namespace datus::clustering
