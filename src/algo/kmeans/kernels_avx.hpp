#pragma once

#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/lane_minima.hpp"

#include <cstdint>

#include <immintrin.h>

// What the AVX2 and the AVX-512 path share, for these two files only. All functions are static: each file must have its
// own copy, compiled for its own instruction set.

namespace datus::clustering {

/// |x|^2 of `rows` rows: one chain each, several at a time to hide the latency of one.
template <int rows>
static void norms_of(const float* row, std::int64_t dim, float* norms) {
  float chains[rows] = {};
  for (std::int64_t d = 0; d < dim; ++d) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) chains[r] = __builtin_fmaf(row[r * dim + d], row[r * dim + d], chains[r]);
  }
  for (int r = 0; r < rows; ++r) norms[r] = chains[r];
}

static void squared_norms(const float* rows, std::int64_t count, int dim, float* norms) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) norms_of<8>(rows + i * dim, dim, norms + i);
  for (; i < count; ++i) norms_of<1>(rows + i * dim, dim, norms + i);
}

/// The scores of `rows` rows with one centroid each: one chain each, several at a time to hide the latency of one.
template <int rows>
static void own_scores_of(const float* row, std::int64_t dim, const float* centroids, const float* norms,
                          const std::int32_t* labels, float* scores) {
  float chains[rows] = {};
  const float* of_row[rows];
  for (int r = 0; r < rows; ++r) of_row[r] = centroids + labels[r] * dim;
  for (std::int64_t d = 0; d < dim; ++d) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) chains[r] = __builtin_fmaf(row[r * dim + d], of_row[r][d], chains[r]);
  }
  for (int r = 0; r < rows; ++r) scores[r] = __builtin_fmaf(-2.0F, chains[r], norms[labels[r]]);
}

static void own_scores(const float* rows, std::int64_t count, int dim, const float* centroids, const float* norms,
                       const std::int32_t* labels, float* scores) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) own_scores_of<8>(rows + i * dim, dim, centroids, norms, labels + i, scores + i);
  for (; i < count; ++i) own_scores_of<1>(rows + i * dim, dim, centroids, norms, labels + i, scores + i);
}

/// Goes on with the chain of a row's squared distance from coordinate `d`.
static double finish_distance(const float* row, const float* point, int d, int dim, double distance) {
  for (; d < dim; ++d) {
    const double difference = static_cast<double>(row[d]) - static_cast<double>(point[d]);
    distance = __builtin_fma(difference, difference, distance);
  }
  return distance;
}

}  // namespace datus::clustering
