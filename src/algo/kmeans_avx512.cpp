#include "algo/kmeans_avx.hpp"
#include "algo/kmeans_kernels.hpp"

#include <immintrin.h>

namespace datus::lloyd {
namespace {

// 12 rows x 2 groups of centroids fill 24 of the 32 registers: per coordinate 24 fused multiply-adds, 14 loads.
constexpr int rows_at_once = 12;

// GCC 12 warns of an uninitialised variable in its own unmasked versions of some intrinsics (its bug 105593); a mask of
// all lanes gives the same instructions without.
constexpr __mmask8 all = 0xFF;

/// Lowers `minima` of `rows` rows by the scores against `groups` groups of centroids.
template <int rows, int groups>
void score_rows(const float* row, const PackedView& centroids, int group, LaneMinima* minima) {
  const std::int64_t dim = centroids.dim;
  const float* values = centroids.values + group * dim * group_size;
  __m512 products[rows][groups];
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int g = 0; g < groups; ++g) products[r][g] = _mm512_setzero_ps();
  }
  for (std::int64_t d = 0; d < dim; ++d) {
    __m512 centroid[groups];
#pragma GCC unroll 2
    for (int g = 0; g < groups; ++g) centroid[g] = _mm512_load_ps(values + (g * dim + d) * group_size);
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
      const __m512 x = _mm512_set1_ps(row[r * dim + d]);
#pragma GCC unroll 2
      for (int g = 0; g < groups; ++g) products[r][g] = _mm512_fmadd_ps(x, centroid[g], products[r][g]);
    }
  }
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#pragma GCC unroll 2
  for (int g = 0; g < groups; ++g) {
    const __m512 norm = _mm512_load_ps(centroids.norms + (group + g) * group_size);
    const __m512i index = _mm512_add_epi32(lanes, _mm512_set1_epi32((group + g) * group_size));
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
      const __m512 score = _mm512_fmadd_ps(_mm512_set1_ps(-2.0F), products[r][g], norm);
      const __mmask16 lower = _mm512_cmp_ps_mask(score, _mm512_load_ps(minima[r].score), _CMP_LT_OQ);
      _mm512_mask_store_ps(minima[r].score, lower, score);
      _mm512_mask_store_epi32(minima[r].index, lower, index);
    }
  }
}

template <int groups>
void score_strip(const float* rows, std::int64_t count, const PackedView& centroids, int group, LaneMinima* minima) {
  std::int64_t i = 0;
  for (; i + rows_at_once <= count; i += rows_at_once) {
    score_rows<rows_at_once, groups>(rows + i * centroids.dim, centroids, group, minima + i);
  }
  for (; i + 4 <= count; i += 4) score_rows<4, groups>(rows + i * centroids.dim, centroids, group, minima + i);
  for (; i < count; ++i) score_rows<1, groups>(rows + i * centroids.dim, centroids, group, minima + i);
}

void nearest(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels, float* scores) {
  LaneMinima minima[strip_rows];
  clear(minima, count);
  int group = 0;
  for (; group + 2 <= centroids.groups; group += 2) score_strip<2>(rows, count, centroids, group, minima);
  if (group < centroids.groups) score_strip<1>(rows, count, centroids, group, minima);
  for (std::int64_t i = 0; i < count; ++i) lowest_of_lanes(minima[i], labels + i, scores + i);
}

template <bool add>
void accumulate(const float* row, int dim, double scale, std::int64_t* sums) {
  const __m512d scales = _mm512_set1_pd(scale);
  for (int d = 0; d < dim; d += 8) {
    const auto lanes = static_cast<__mmask8>(dim - d >= 8 ? 0xFFU : (1U << static_cast<unsigned>(dim - d)) - 1U);
    const __m512d values = _mm512_maskz_cvtps_pd(all, _mm256_maskz_loadu_ps(lanes, row + d));
    const __m512i terms = _mm512_cvtpd_epi64(_mm512_mul_pd(values, scales));
    const __m512i sum = _mm512_maskz_loadu_epi64(lanes, sums + d);
    _mm512_mask_storeu_epi64(sums + d, lanes, add ? _mm512_add_epi64(sum, terms) : _mm512_sub_epi64(sum, terms));
  }
}

/// Rows become columns.
void transpose(__m512d (&m)[8]) {
  __m512d pair[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm512_maskz_unpacklo_pd(all, m[i], m[i + 1]);
    pair[i + 1] = _mm512_maskz_unpackhi_pd(all, m[i], m[i + 1]);
  }
#pragma GCC unroll 2
  for (int odd = 0; odd < 2; ++odd) {
    const __m512d top_04 = _mm512_maskz_shuffle_f64x2(all, pair[odd], pair[2 + odd], 0x88);
    const __m512d top_26 = _mm512_maskz_shuffle_f64x2(all, pair[odd], pair[2 + odd], 0xDD);
    const __m512d bottom_04 = _mm512_maskz_shuffle_f64x2(all, pair[4 + odd], pair[6 + odd], 0x88);
    const __m512d bottom_26 = _mm512_maskz_shuffle_f64x2(all, pair[4 + odd], pair[6 + odd], 0xDD);
    m[odd] = _mm512_maskz_shuffle_f64x2(all, top_04, bottom_04, 0x88);
    m[2 + odd] = _mm512_maskz_shuffle_f64x2(all, top_26, bottom_26, 0x88);
    m[4 + odd] = _mm512_maskz_shuffle_f64x2(all, top_04, bottom_04, 0xDD);
    m[6 + odd] = _mm512_maskz_shuffle_f64x2(all, top_26, bottom_26, 0xDD);
  }
}

void squared_distances(const float* rows, std::int64_t count, int dim, const float* point, double* distances) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const float* row = rows + i * dim;
    __m512d chains = _mm512_setzero_pd();
    int d = 0;
    for (; d + 8 <= dim; d += 8) {
      const __m512d to = _mm512_maskz_cvtps_pd(all, _mm256_loadu_ps(point + d));
      __m512d differences[8];
#pragma GCC unroll 8
      for (int r = 0; r < 8; ++r) {
        differences[r] =
            _mm512_sub_pd(_mm512_maskz_cvtps_pd(all, _mm256_loadu_ps(row + std::int64_t{r} * dim + d)), to);
      }
      transpose(differences);
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k) chains = _mm512_fmadd_pd(differences[k], differences[k], chains);
    }
    _mm512_storeu_pd(distances + i, chains);
    for (int r = 0; r < 8; ++r) {
      distances[i + r] = finish_distance(row + std::int64_t{r} * dim, point, d, dim, distances[i + r]);
    }
  }
  for (; i < count; ++i) distances[i] = finish_distance(rows + i * dim, point, 0, dim, 0.0);
}

}  // namespace

Kernels avx512_kernels() {
  return {squared_norms, nearest, accumulate<true>, accumulate<false>, squared_distances};
}

}  // namespace datus::lloyd
