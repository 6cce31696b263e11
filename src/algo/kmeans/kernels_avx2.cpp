// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/kernels_avx.hpp"
#include "algo/kmeans/nearest_two.hpp"
#include "algo/kmeans/totals.hpp"

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

struct Lines {
  using Doubles = __m256d;
  static constexpr int lanes = 4;

  static Doubles multiply_add(Doubles a, Doubles b, Doubles sum) { return _mm256_fmadd_pd(a, b, sum); }

  /// 4 values of each of 4 rows.
  template <class T>
  static void to_columns(const T* rows, std::int64_t dim, Doubles* columns) {
    const Doubles top = load(rows);
    const Doubles second = load(rows + dim);
    const Doubles third = load(rows + 2 * dim);
    const Doubles bottom = load(rows + 3 * dim);
    const Doubles top_even = _mm256_unpacklo_pd(top, second);
    const Doubles top_odd = _mm256_unpackhi_pd(top, second);
    const Doubles bottom_even = _mm256_unpacklo_pd(third, bottom);
    const Doubles bottom_odd = _mm256_unpackhi_pd(third, bottom);
    columns[0] = _mm256_permute2f128_pd(top_even, bottom_even, 0x20);
    columns[1] = _mm256_permute2f128_pd(top_odd, bottom_odd, 0x20);
    columns[2] = _mm256_permute2f128_pd(top_even, bottom_even, 0x31);
    columns[3] = _mm256_permute2f128_pd(top_odd, bottom_odd, 0x31);
  }
};

}  // namespace

Kernels avx2_kernels() {
  return {.nearest_two = avx2_nearest_two,
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
