// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/totals.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace datus::clustering {
namespace {

/// The scores of one row against one group of centroids.
std::array<float, group_size> group_scores(const float* row, const PackedView& centroids, int group) {
  const float* values = centroids.values + std::int64_t{group} * centroids.dim * group_size;
  std::array<float, group_size> scores{};
  for (int d = 0; d < centroids.dim; ++d) {
    for (std::size_t lane = 0; lane < group_size; ++lane) {
      scores[lane] = std::fma(row[d], values[lane], scores[lane]);
    }
    values += group_size;
  }
  const float* norms = centroids.norms + std::int64_t{group} * group_size;
  for (std::size_t lane = 0; lane < group_size; ++lane) scores[lane] = std::fma(-2.0F, scores[lane], norms[lane]);
  return scores;
}

void nearest_two(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                 float* lowest, float* second) {
  for (std::int64_t i = 0; i < count; ++i) {
    labels[i] = 0;
    lowest[i] = second[i] = std::numeric_limits<float>::infinity();
    for (int group = 0; group < centroids.groups; ++group) {
      const auto scores = group_scores(rows + i * centroids.dim, centroids, group);
      for (std::size_t lane = 0; lane < group_size; ++lane) {
        const float score = scores[lane];
        if (score < lowest[i]) {
          second[i] = lowest[i];
          lowest[i] = score;
          labels[i] = group * group_size + static_cast<std::int32_t>(lane);
        } else if (score < second[i]) {
          second[i] = score;
        }
      }
    }
  }
}

void all_scores(const float* row, const PackedView& centroids, float* scores) {
  for (int group = 0; group < centroids.groups; ++group) {
    const auto of_group = group_scores(row, centroids, group);
    std::copy(of_group.begin(), of_group.end(), scores + std::int64_t{group} * group_size);
  }
}

template <int sign, class T>
void accumulate(const T* row, int dim, double scale, std::int64_t* sums) {
  for (int d = 0; d < dim; ++d) sums[d] += sign * std::llrint(static_cast<double>(row[d]) * scale);
}

template <class T>
double squared_distance(const T* row, const double* point, int dim) {
  double distance = 0.0;
  for (int d = 0; d < dim; ++d) {
    const double difference = static_cast<double>(row[d]) - point[d];
    distance = std::fma(difference, difference, distance);
  }
  return distance;
}

template <class T>
void squared_distances(const T* rows, std::int64_t count, int dim, const double* points, std::int64_t number,
                       double* distances) {
  for (std::int64_t p = 0; p < number; ++p, points += dim, distances += count) {
    for (std::int64_t i = 0; i < count; ++i) distances[i] = squared_distance(rows + i * dim, points, dim);
  }
}

void own_distances(const double* rows, std::int64_t count, int dim, const double* centroids, const std::int32_t* labels,
                   double* distances) {
  for (std::int64_t i = 0; i < count; ++i) {
    distances[i] = squared_distance(rows + i * dim, centroids + std::int64_t{labels[i]} * dim, dim);
  }
}

}  // namespace

Kernels scalar_kernels() {
  return {.nearest_two = nearest_two,
          .scores = all_scores,
          .add_row = accumulate<1, float>,
          .subtract_row = accumulate<-1, float>,
          .add_precise_row = accumulate<1, double>,
          .subtract_precise_row = accumulate<-1, double>,
          .squared_distances = squared_distances<float>,
          .precise_squared_distances = squared_distances<double>,
          .inertia = inertia_of_totals<double>,
          .own_distances = own_distances};
}

Kernels kernels_of(SimdPath path) {
  return for_path(path, scalar_kernels, avx2_kernels, avx512_kernels)();
}

}  // namespace datus::clustering
