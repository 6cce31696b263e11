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

/// Goes on with the chains of a path's `lanes` rows, whose next `size` values lie in columns, to `points` points, which
/// are `dim` values apart: as many chains as hide the latency of one. From one point to the next, their distances are
/// `stride` apart.
template <class Lines, int points>
static void add_columns(const typename Lines::Doubles* columns, int size, const double* point, std::int64_t dim,
                        double* distances, std::int64_t stride) {
  using Doubles = typename Lines::Doubles;
  Doubles chains[points];
  for (int p = 0; p < points; ++p) __builtin_memcpy(&chains[p], distances + p * stride, sizeof(Doubles));
  for (int d = 0; d < size; ++d) {
#pragma GCC unroll 8
    for (int p = 0; p < points; ++p) {
      const Doubles difference = columns[d] - point[p * dim + d];
      chains[p] = Lines::multiply_add(difference, difference, chains[p]);
    }
  }
  for (int p = 0; p < points; ++p) __builtin_memcpy(distances + p * stride, &chains[p], sizeof(Doubles));
}

/// Rows become columns a few values at a time, once for all points.
template <class Lines, class T>
static void squared_distances(const T* rows, std::int64_t count, int dim, const double* points, std::int64_t number,
                              double* distances) {
  constexpr int lanes = Lines::lanes;
  constexpr int most = 64;
  typename Lines::Doubles columns[most];
  for (std::int64_t i = 0; i < number * count; ++i) distances[i] = 0.0;
  const std::int64_t in_lanes = count - count % lanes;
  const int whole = dim - dim % lanes;
  for (std::int64_t row = 0; row < in_lanes; row += lanes) {
    for (int first = 0; first < whole; first += most) {
      const int size = whole - first < most ? whole - first : most;
      for (int d = 0; d < size; d += lanes) Lines::to_columns(rows + row * dim + first + d, dim, columns + d);
      std::int64_t p = 0;
      for (; p + 8 <= number; p += 8) {
        add_columns<Lines, 8>(columns, size, points + p * dim + first, dim, distances + p * count + row, count);
      }
      for (; p < number; ++p) {
        add_columns<Lines, 1>(columns, size, points + p * dim + first, dim, distances + p * count + row, count);
      }
    }
  }
  for (std::int64_t p = 0; p < number; ++p, points += dim, distances += count) {
    for (std::int64_t row = 0; row < count; ++row) {
      const int from = row < in_lanes ? whole : 0;
      distances[row] = finish_distance(rows + row * dim, points, from, dim, distances[row]);
    }
  }
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
