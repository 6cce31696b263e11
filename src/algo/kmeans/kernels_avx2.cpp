// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/kernels_avx.hpp"
#include "algo/kmeans/nearest_two.hpp"

#include <immintrin.h>

namespace datus::clustering {
namespace {

__m256d load(const float* values) {
  return _mm256_cvtps_pd(_mm_loadu_ps(values));
}
__m256d load(const double* values) {
  return _mm256_loadu_pd(values);
}

// There is no conversion to int64. Adding 1.5 * 2^52 leaves a number between 2^52 and 2^53 whose unit is 1: the
// addition rounds to nearest even, and the integer is the difference of the bit patterns. Right for values up to 2^51.
template <bool add, class T>
void accumulate(const T* row, int dim, double scale, std::int64_t* sums) {
  const __m256d scales = _mm256_set1_pd(scale);
  const __m256d shift = _mm256_set1_pd(0x1.8p52);
  int d = 0;
  for (; d + 4 <= dim; d += 4) {
    const __m256d values = _mm256_mul_pd(load(row + d), scales);
    const __m256i shifted = _mm256_castpd_si256(_mm256_add_pd(values, shift));
    const __m256i terms = _mm256_sub_epi64(shifted, _mm256_castpd_si256(shift));
    auto* const to = reinterpret_cast<__m256i*>(sums + d);
    const __m256i sum = _mm256_loadu_si256(to);
    _mm256_storeu_si256(to, add ? _mm256_add_epi64(sum, terms) : _mm256_sub_epi64(sum, terms));
  }
  for (; d < dim; ++d) {
    const std::int64_t term = __builtin_llrint(static_cast<double>(row[d]) * scale);
    sums[d] += add ? term : -term;
  }
}

/// Goes on with the chains of 4 rows by 4 coordinates of each.
template <class T>
__m256d add_distances(const T* row, std::int64_t dim, __m256d to, __m256d chains) {
  __m256d m[4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) m[r] = _mm256_sub_pd(load(row + r * dim), to);
  const __m256d top_even = _mm256_unpacklo_pd(m[0], m[1]);
  const __m256d top_odd = _mm256_unpackhi_pd(m[0], m[1]);
  const __m256d bottom_even = _mm256_unpacklo_pd(m[2], m[3]);
  const __m256d bottom_odd = _mm256_unpackhi_pd(m[2], m[3]);
  m[0] = _mm256_permute2f128_pd(top_even, bottom_even, 0x20);
  m[1] = _mm256_permute2f128_pd(top_odd, bottom_odd, 0x20);
  m[2] = _mm256_permute2f128_pd(top_even, bottom_even, 0x31);
  m[3] = _mm256_permute2f128_pd(top_odd, bottom_odd, 0x31);
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) chains = _mm256_fmadd_pd(m[k], m[k], chains);
  return chains;
}

template <class T>
void squared_distances(const T* rows, std::int64_t count, int dim, const double* point, double* distances) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const T* row = rows + i * dim;
    __m256d first = _mm256_setzero_pd();
    __m256d second = _mm256_setzero_pd();
    int d = 0;
    for (; d + 4 <= dim; d += 4) {
      const __m256d to = _mm256_loadu_pd(point + d);
      first = add_distances(row + d, dim, to, first);
      second = add_distances(row + std::int64_t{4} * dim + d, dim, to, second);
    }
    _mm256_storeu_pd(distances + i, first);
    _mm256_storeu_pd(distances + i + 4, second);
    for (int r = 0; r < 8; ++r) {
      distances[i + r] = finish_distance(row + std::int64_t{r} * dim, point, d, dim, distances[i + r]);
    }
  }
  for (; i < count; ++i) distances[i] = finish_distance(rows + i * dim, point, 0, dim, 0.0);
}

}  // namespace

Kernels avx2_kernels() {
  return {.nearest_two = avx2_nearest_two,
          .scores = all_scores,
          .add_row = accumulate<true, float>,
          .subtract_row = accumulate<false, float>,
          .add_precise_row = accumulate<true, double>,
          .subtract_precise_row = accumulate<false, double>,
          .squared_distances = squared_distances<float>,
          .precise_squared_distances = squared_distances<double>,
          .own_distances = own_distances};
}

}  // namespace datus::clustering
