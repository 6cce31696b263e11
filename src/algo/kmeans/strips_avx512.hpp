// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"

#include <cstdint>

#include <immintrin.h>

// The scores of a strip of rows in AVX-512: for files that are compiled for that instruction set only. Everything is in
// an unnamed namespace: each file has its own copy.

namespace datus::clustering {
namespace {

// 12 rows x 2 groups of centroids fill 24 of the 32 registers: per coordinate 24 fused multiply-adds, 14 loads.
constexpr int rows_at_once = 12;

/// The products of some rows with the centroids of some groups.
template <int rows, int groups>
struct alignas(64) Products {
  float values[rows][groups][group_size];
};

/// Not inlined, with nothing else in it, and with one pointer for three rows: otherwise GCC 12 keeps centroids on the
/// stack inside of the loop, at half of the speed. `ahead`: rows from there on, as many, are wanted soon.
template <int rows, int groups>
[[gnu::noinline]] void multiply(const float* row, std::int64_t dim, const float* values, const float* ahead,
                                Products<rows, groups>* result) {
  __m512 products[rows][groups];
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int g = 0; g < groups; ++g) products[r][g] = _mm512_setzero_ps();
  }
  constexpr int base_count = (rows + 2) / 3;
  const float* bases[base_count];
#pragma GCC unroll 4
  for (int b = 0; b < base_count; ++b) bases[b] = row + 3 * b * dim;
  for (std::int64_t d = 0; d < dim; ++d) {
    _mm_prefetch(ahead, _MM_HINT_T1);
    ahead += rows;
    __m512 centroid[groups];
#pragma GCC unroll 2
    for (int g = 0; g < groups; ++g) centroid[g] = _mm512_load_ps(values + (g * dim + d) * group_size);
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
      const __m512 x = _mm512_set1_ps(bases[r / 3][r % 3 * dim]);
#pragma GCC unroll 2
      for (int g = 0; g < groups; ++g) products[r][g] = _mm512_fmadd_ps(x, centroid[g], products[r][g]);
    }
#pragma GCC unroll 4
    for (int b = 0; b < base_count; ++b) ++bases[b];
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int g = 0; g < groups; ++g) _mm512_store_ps(result->values[r][g], products[r][g]);
  }
}

/// What is done with 16 scores of a row: `index` are the centroids' numbers, `lanes` what is known of the row so far.
template <class Lanes>
using TakeIn = void (*)(__m512 score, __m512i index, Lanes* lanes);

template <int rows, int groups, class Lanes, TakeIn<Lanes> take_in>
void score_rows(const float* row, const PackedView& centroids, int group, const float* ahead, Lanes* lanes) {
  Products<rows, groups> products;
  const float* const values = centroids.values + std::int64_t{group} * centroids.dim * group_size;
  multiply<rows, groups>(row, centroids.dim, values, ahead, &products);
  const __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#pragma GCC unroll 2
  for (int g = 0; g < groups; ++g) {
    const __m512 norm = _mm512_load_ps(centroids.norms + (group + g) * group_size);
    const __m512i index = _mm512_add_epi32(numbers, _mm512_set1_epi32((group + g) * group_size));
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
      take_in(_mm512_fmadd_ps(_mm512_set1_ps(-2.0F), _mm512_load_ps(products.values[r][g]), norm), index, lanes + r);
    }
  }
}

/// `distance`: the rows so many values further on are fetched meanwhile.
template <int groups, class Lanes, TakeIn<Lanes> take_in>
void score_groups(const float* rows, std::int64_t count, const PackedView& centroids, int group, std::int64_t distance,
                  Lanes* lanes) {
  const std::int64_t dim = centroids.dim;
  std::int64_t i = 0;
  for (; i + rows_at_once <= count; i += rows_at_once) {
    const float* const row = rows + i * dim;
    score_rows<rows_at_once, groups, Lanes, take_in>(row, centroids, group, row + distance, lanes + i);
  }
  for (; i + 4 <= count; i += 4) {
    score_rows<4, groups, Lanes, take_in>(rows + i * dim, centroids, group, rows, lanes + i);
  }
  for (; i < count; ++i) score_rows<1, groups, Lanes, take_in>(rows + i * dim, centroids, group, rows, lanes + i);
}

/// All scores of up to `strip_rows` rows, group by group.
template <class Lanes, TakeIn<Lanes> take_in>
void score_strip(const float* rows, std::int64_t count, const PackedView& centroids, Lanes* lanes) {
  // While the first centroids pass by, rows half a strip ahead come from memory; later there is nothing to fetch.
  std::int64_t distance = strip_rows / 2 * centroids.dim;
  int group = 0;
  for (; group + 2 <= centroids.groups; group += 2) {
    score_groups<2, Lanes, take_in>(rows, count, centroids, group, distance, lanes);
    distance = 0;
  }
  if (group < centroids.groups) score_groups<1, Lanes, take_in>(rows, count, centroids, group, distance, lanes);
}

}  // namespace
}  // namespace datus::clustering
