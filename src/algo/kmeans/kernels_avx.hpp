#pragma once

#include "algo/kmeans/kernels.hpp"

#include <cstdint>

#include <immintrin.h>

// What the AVX2 and the AVX-512 path share, for these two files only. All functions are static: each file must have its
// own copy, compiled for its own instruction set.

namespace datus::lloyd {

/// The lowest score so far of a row, and the centroid that has it, for each lane.
struct alignas(64) LaneMinima {
  float score[group_size];
  std::int32_t index[group_size];
};

static void clear(LaneMinima* minima, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (int lane = 0; lane < group_size; ++lane) {
      minima[i].score[lane] = __builtin_inff();
      minima[i].index[lane] = 0;
    }
  }
}

/// The lowest score of all lanes, and the lowest index that has it.
static void lowest_of_lanes(const LaneMinima& minima, std::int32_t* label, float* score) {
  const __m256 low = _mm256_load_ps(minima.score);
  const __m256 high = _mm256_load_ps(minima.score + 8);
  __m256 lowest = _mm256_min_ps(low, high);
  lowest = _mm256_min_ps(lowest, _mm256_permute2f128_ps(lowest, lowest, 1));
  lowest = _mm256_min_ps(lowest, _mm256_permute_ps(lowest, 0x4E));
  lowest = _mm256_min_ps(lowest, _mm256_permute_ps(lowest, 0xB1));
  const __m256i none = _mm256_set1_epi32(INT32_MAX);
  const auto* const index = reinterpret_cast<const __m256i*>(minima.index);
  const __m256i low_has = _mm256_castps_si256(_mm256_cmp_ps(low, lowest, _CMP_EQ_OQ));
  const __m256i high_has = _mm256_castps_si256(_mm256_cmp_ps(high, lowest, _CMP_EQ_OQ));
  const __m256i first = _mm256_min_epi32(_mm256_blendv_epi8(none, _mm256_load_si256(index), low_has),
                                         _mm256_blendv_epi8(none, _mm256_load_si256(index + 1), high_has));
  __m128i lane = _mm_min_epi32(_mm256_castsi256_si128(first), _mm256_extracti128_si256(first, 1));
  lane = _mm_min_epi32(lane, _mm_shuffle_epi32(lane, 0x4E));
  lane = _mm_min_epi32(lane, _mm_shuffle_epi32(lane, 0xB1));
  *label = _mm_cvtsi128_si32(lane);
  *score = _mm256_cvtss_f32(lowest);
}

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

}  // namespace datus::lloyd
