// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/guided_loops.hpp"

#include <immintrin.h>

// For the files of the AVX paths only: see kernel_loops.hpp.

namespace datus::refine_detail {

/// GuidedKernel::keep_largest, for both paths: halves of a group are compared first, and then 256 bits hold what is
/// left.
static void keep_largest_of_lanes(const float* values, std::int64_t pixels, int begin, int end, int first,
                                  float* largest, std::int32_t* labels) {
  const __m256 lowest = _mm256_set1_ps(-__builtin_inff());
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const auto are_used = [&](int half) {
    return _mm256_castsi256_ps(_mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(begin - half), numbers),
                                                   _mm256_cmpgt_epi32(_mm256_set1_epi32(end - half), numbers)));
  };
  const __m256 low_used = are_used(0);
  const __m256 high_used = are_used(8);
  keep_largest(values, pixels, first, largest, labels, [=](const float* lanes, float& value) {
    const __m256 low = _mm256_blendv_ps(lowest, _mm256_load_ps(lanes), low_used);
    const __m256 high = _mm256_blendv_ps(lowest, _mm256_load_ps(lanes + 8), high_used);
    __m256 most = _mm256_max_ps(low, high);
    most = _mm256_max_ps(most, _mm256_permute2f128_ps(most, most, 1));
    most = _mm256_max_ps(most, _mm256_permute_ps(most, 0b01001110));
    most = _mm256_max_ps(most, _mm256_permute_ps(most, 0b10110001));
    value = _mm256_cvtss_f32(most);
    const int is_low = _mm256_movemask_ps(_mm256_cmp_ps(low, most, _CMP_EQ_OQ));
    const int is_high = _mm256_movemask_ps(_mm256_cmp_ps(high, most, _CMP_EQ_OQ));
    return __builtin_ctz(static_cast<unsigned>(is_low | is_high << 8) | 1U << group_size);
  });
}

}  // namespace datus::refine_detail
