// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"

#include <cstdint>

#include <immintrin.h>

// What the AVX2 and the AVX-512 path share, for these two files only. All functions are static: each file must have its
// own copy, compiled for its own instruction set.

namespace datus::clustering {

/// Goes on with the chain of a row's squared distance from coordinate `d`.
template <class T>
static double finish_distance(const T* row, const double* point, int d, int dim, double distance) {
  for (; d < dim; ++d) {
    const double difference = static_cast<double>(row[d]) - point[d];
    distance = __builtin_fma(difference, difference, distance);
  }
  return distance;
}

/// The distances of `rows` rows to a centroid each: one chain each, several at a time to hide the latency of one.
template <int rows>
static void own_distances_of(const double* row, std::int64_t dim, const double* centroids, const std::int32_t* labels,
                             double* distances) {
  double chains[rows] = {};
  const double* of_row[rows];
  for (int r = 0; r < rows; ++r) of_row[r] = centroids + labels[r] * dim;
  for (std::int64_t d = 0; d < dim; ++d) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const double difference = row[r * dim + d] - of_row[r][d];
      chains[r] = __builtin_fma(difference, difference, chains[r]);
    }
  }
  for (int r = 0; r < rows; ++r) distances[r] = chains[r];
}

static void own_distances(const double* rows, std::int64_t count, int dim, const double* centroids,
                          const std::int32_t* labels, double* distances) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) own_distances_of<8>(rows + i * dim, dim, centroids, labels + i, distances + i);
  for (; i < count; ++i) own_distances_of<1>(rows + i * dim, dim, centroids, labels + i, distances + i);
}

/// 16 numbers, in as many registers as the instruction set needs for them.
using Lanes = float __attribute__((vector_size(sizeof(float) * group_size)));

/// The scores of one row with `groups` groups of centroids.
template <int groups>
static void scores_of(const float* row, const PackedView& centroids, int group, float* scores) {
  const std::int64_t dim = centroids.dim;
  const auto* const values = reinterpret_cast<const Lanes*>(centroids.values) + group * dim;
  Lanes products[groups] = {};
  for (std::int64_t d = 0; d < dim; ++d) {
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) products[g] += row[d] * values[g * dim + d];
  }
  const auto* const norms = reinterpret_cast<const Lanes*>(centroids.norms) + group;
  for (int g = 0; g < groups; ++g) {
    const Lanes of_group = norms[g] - 2.0F * products[g];
    __builtin_memcpy(scores + (group + g) * group_size, &of_group, sizeof(of_group));
  }
}

static void all_scores(const float* row, const PackedView& centroids, float* scores) {
  int group = 0;
  for (; group + 4 <= centroids.groups; group += 4) scores_of<4>(row, centroids, group, scores);
  for (; group < centroids.groups; ++group) scores_of<1>(row, centroids, group, scores);
}

}  // namespace datus::clustering
