// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/kernels_avx.hpp"
#include "algo/kmeans/nearest_two.hpp"
#include "algo/kmeans/totals.hpp"

#include <immintrin.h>

namespace datus::clustering {
namespace {

// GCC 12 warns of an uninitialised variable in its own unmasked versions of some intrinsics (its bug 105593); a mask of
// all lanes gives the same instructions without.
constexpr __mmask8 all = 0xFF;

__m512d load(const float* values) {
  return _mm512_maskz_cvtps_pd(all, _mm256_loadu_ps(values));
}
__m512d load(const double* values) {
  return _mm512_loadu_pd(values);
}
__m512d load(__mmask8 lanes, const float* values) {
  return _mm512_maskz_cvtps_pd(all, _mm256_maskz_loadu_ps(lanes, values));
}
__m512d load(__mmask8 lanes, const double* values) {
  return _mm512_maskz_loadu_pd(lanes, values);
}

template <bool add, class T>
void accumulate(const T* row, int dim, double scale, std::int64_t* sums) {
  const __m512d scales = _mm512_set1_pd(scale);
  for (int d = 0; d < dim; d += 8) {
    const auto lanes = static_cast<__mmask8>(dim - d >= 8 ? 0xFFU : (1U << static_cast<unsigned>(dim - d)) - 1U);
    const __m512i terms = _mm512_cvtpd_epi64(_mm512_mul_pd(load(lanes, row + d), scales));
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

struct Lines {
  using Doubles = __m512d;
  static constexpr int lanes = 8;

  static Doubles multiply_add(Doubles a, Doubles b, Doubles sum) { return _mm512_fmadd_pd(a, b, sum); }

  /// 8 values of each of 8 rows.
  template <class T>
  static void to_columns(const T* rows, std::int64_t dim, Doubles* columns) {
    Doubles m[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) m[r] = load(rows + r * dim);
    transpose(m);
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) columns[k] = m[k];
  }
};

}  // namespace

Kernels avx512_kernels() {
  return {.nearest_two = avx512_nearest_two,
          .scores = all_scores,
          .add_row = accumulate<true, float>,
          .subtract_row = accumulate<false, float>,
          .add_precise_row = accumulate<true, double>,
          .subtract_precise_row = accumulate<false, double>,
          .squared_distances = squared_distances<Lines, float>,
          .precise_squared_distances = squared_distances<Lines, double>,
          .inertia = inertia_of_totals<double>,
          .own_distances = own_distances};
}

}  // namespace datus::clustering
