// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"

#include <cstdint>

#include <immintrin.h>

// The scores of a strip of rows in AVX2: for files that are compiled for that instruction set only. Everything is in an
// unnamed namespace: each file has its own copy.

namespace datus::clustering {
namespace {

// 6 rows x 1 group of centroids (2 registers) fill 12 of the 16 registers.
constexpr int rows_at_once = 6;
constexpr int half = group_size / 2;

/// What is done with 8 scores of a row: `index` are the centroids' numbers, `lanes` what is known of the row so far, in
/// its lanes from `at` on.
template <class Lanes>
using TakeIn = void (*)(__m256 score, __m256i index, Lanes* lanes, int at);

/// `ahead`: rows from there on, as many, are wanted soon.
template <int rows, class Lanes, TakeIn<Lanes> take_in>
void score_rows(const float* row, const PackedView& centroids, int group, const float* ahead, Lanes* lanes) {
  const std::int64_t dim = centroids.dim;
  const float* values = centroids.values + std::int64_t{group} * dim * group_size;
  __m256 products[rows][2];
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) products[r][0] = products[r][1] = _mm256_setzero_ps();
  for (std::int64_t d = 0; d < dim; ++d) {
    _mm_prefetch(ahead + d * rows, _MM_HINT_T1);
    const __m256 low = _mm256_load_ps(values + d * group_size);
    const __m256 high = _mm256_load_ps(values + d * group_size + half);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const __m256 x = _mm256_broadcast_ss(row + r * dim + d);
      products[r][0] = _mm256_fmadd_ps(x, low, products[r][0]);
      products[r][1] = _mm256_fmadd_ps(x, high, products[r][1]);
    }
  }
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
#pragma GCC unroll 2
  for (int h = 0; h < 2; ++h) {
    const int first = group * group_size + h * half;
    const __m256 norm = _mm256_load_ps(centroids.norms + first);
    const __m256i index = _mm256_add_epi32(numbers, _mm256_set1_epi32(first));
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      take_in(_mm256_fmadd_ps(_mm256_set1_ps(-2.0F), products[r][h], norm), index, lanes + r, h * half);
    }
  }
}

/// All scores of up to `strip_rows` rows, group by group.
template <class Lanes, TakeIn<Lanes> take_in>
void score_strip(const float* rows, std::int64_t count, const PackedView& centroids, Lanes* lanes) {
  const std::int64_t dim = centroids.dim;
  // While the first centroids pass by, rows half a strip ahead come from memory; later there is nothing to fetch.
  std::int64_t distance = strip_rows / 2 * dim;
  for (int group = 0; group < centroids.groups; ++group) {
    std::int64_t i = 0;
    for (; i + rows_at_once <= count; i += rows_at_once) {
      const float* const row = rows + i * dim;
      score_rows<rows_at_once, Lanes, take_in>(row, centroids, group, row + distance, lanes + i);
    }
    for (; i < count; ++i) score_rows<1, Lanes, take_in>(rows + i * dim, centroids, group, rows, lanes + i);
    distance = 0;
  }
}

}  // namespace
}  // namespace datus::clustering
