// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/search_centroids.hpp"

#include <algorithm>

namespace datus::clustering {
namespace {

/// Each of a score's D products and sums, the values that were rounded and the last operation round by 2^-24 at most.
double share_of_rounding(int dim) {
  const double roundings = (dim + 8) * 0x1p-24;
  if (roundings > 0.1) return std::numeric_limits<double>::infinity();
  return 1.01 * roundings / (1.0 - roundings);
}

}  // namespace

SearchCentroids::SearchCentroids(std::span<const double> values, int clusters, int dim)
    : values_(values),
      clusters_(clusters),
      dim_(dim),
      groups_((clusters + group_size - 1) / group_size),
      share_(share_of_rounding(dim)),
      floor_(dim * 0x1p-140) {
  const auto lanes = static_cast<std::size_t>(groups_) * group_size;
  packed_.resize(lanes * static_cast<std::size_t>(dim));
  norms_.assign(lanes, std::numeric_limits<float>::infinity());
  for (std::int64_t k = 0; k < clusters; ++k) {
    const double* const from = values.data() + k * dim;
    float* const to = packed_.data() + (k / group_size) * dim * group_size + k % group_size;
    double squared_norm = 0.0;
    for (std::int64_t d = 0; d < dim; ++d) {
      to[d * group_size] = static_cast<float>(from[d]);
      squared_norm += from[d] * from[d];
    }
    norms_[static_cast<std::size_t>(k)] = static_cast<float>(squared_norm);
    largest_squared_norm_ = std::max(largest_squared_norm_, squared_norm);
  }
}

}  // namespace datus::clustering
