#include "algo/kmeans/nearest_two.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace datus::lloyd {
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

}  // namespace

NearestTwo scalar_nearest_two() {
  return nearest_two;
}

NearestTwo nearest_two_of(SimdPath path) {
  require_simd_path(path);
  switch (path) {
    case SimdPath::avx512:
      return avx512_nearest_two();
    case SimdPath::avx2:
      return avx2_nearest_two();
    case SimdPath::scalar:
      break;
  }
  return scalar_nearest_two();
}

}  // namespace datus::lloyd
