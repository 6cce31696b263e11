#include "algo/kmeans/kernels.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace datus::clustering {
namespace {

void squared_norms(const float* rows, std::int64_t count, int dim, float* norms) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float* row = rows + i * dim;
    float norm = 0.0F;
    for (int d = 0; d < dim; ++d) norm = std::fma(row[d], row[d], norm);
    norms[i] = norm;
  }
}

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

void nearest(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels, float* scores) {
  for (std::int64_t i = 0; i < count; ++i) {
    labels[i] = 0;
    scores[i] = std::numeric_limits<float>::infinity();
    for (int group = 0; group < centroids.groups; ++group) {
      const auto of_group = group_scores(rows + i * centroids.dim, centroids, group);
      for (std::size_t lane = 0; lane < group_size; ++lane) {
        if (!(of_group[lane] < scores[i])) continue;
        scores[i] = of_group[lane];
        labels[i] = group * group_size + static_cast<std::int32_t>(lane);
      }
    }
  }
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

void own_scores(const float* rows, std::int64_t count, int dim, const float* centroids, const float* norms,
                const std::int32_t* labels, float* scores) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float* row = rows + i * dim;
    const float* centroid = centroids + std::int64_t{labels[i]} * dim;
    float product = 0.0F;
    for (int d = 0; d < dim; ++d) product = std::fma(row[d], centroid[d], product);
    scores[i] = std::fma(-2.0F, product, norms[labels[i]]);
  }
}

template <int sign>
void accumulate(const float* row, int dim, double scale, std::int64_t* sums) {
  for (int d = 0; d < dim; ++d) sums[d] += sign * std::llrint(static_cast<double>(row[d]) * scale);
}

void squared_distances(const float* rows, std::int64_t count, int dim, const float* point, double* distances) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float* row = rows + i * dim;
    double distance = 0.0;
    for (int d = 0; d < dim; ++d) {
      const double difference = static_cast<double>(row[d]) - static_cast<double>(point[d]);
      distance = std::fma(difference, difference, distance);
    }
    distances[i] = distance;
  }
}

}  // namespace

Kernels scalar_kernels() {
  return {squared_norms, nearest, nearest_two, own_scores, accumulate<1>, accumulate<-1>, squared_distances};
}

Kernels kernels_of(SimdPath path) {
  require_simd_path(path);
  switch (path) {
    case SimdPath::avx512:
      return avx512_kernels();
    case SimdPath::avx2:
      return avx2_kernels();
    case SimdPath::scalar:
      break;
  }
  return scalar_kernels();
}

}  // namespace datus::clustering
