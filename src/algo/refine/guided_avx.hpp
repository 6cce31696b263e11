// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/refine/guided_loops.hpp"

#include <immintrin.h>

// For the files of the AVX paths only: see kernel_loops.hpp.

namespace datus::refine_detail {

/// A group of values.
struct Halves {
  __m256 low;
  __m256 high;
};

static Halves load_halves(const float* values) {
  return {_mm256_load_ps(values), _mm256_load_ps(values + 8)};
}

static Halves mix_halves(const Halves& before, const Halves& after, __m256 share) {
  const auto mix = [&](__m256 a, __m256 b) { return _mm256_add_ps(a, _mm256_mul_ps(share, _mm256_sub_ps(b, a))); };
  return {mix(before.low, after.low), mix(before.high, after.high)};
}

/// GuidedKernel::keep_largest, for both paths: halves of a group are compared first, and then 256 bits hold what is
/// left. Pixels that follow each other mostly lie between the same places.
static void keep_largest(const float* above, const float* below, float share, const Between* between,
                         std::int64_t pixels, int begin, int end, int first, float* largest, std::int32_t* labels) {
  const __m256 lowest = _mm256_set1_ps(-__builtin_inff());
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const auto are_used = [&](int half) {
    return _mm256_castsi256_ps(_mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(begin - half), numbers),
                                                   _mm256_cmpgt_epi32(_mm256_set1_epi32(end - half), numbers)));
  };
  const __m256 low_used = are_used(0);
  const __m256 high_used = are_used(8);
  const __m256 of_below = _mm256_set1_ps(share);
  const auto at = [&](std::int32_t place) {
    const std::int64_t offset = std::int64_t{place} * group_size;
    return mix_halves(load_halves(above + offset), load_halves(below + offset), of_below);
  };
  Between held = {-1, -1, 0.0F};
  Halves before = {};
  Halves after = {};
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const Between& place = between[pixel];
    if (place.before != held.before) before = place.before == held.after ? after : at(place.before);
    if (place.after != held.after) after = at(place.after);
    held = place;
    const Halves values = mix_halves(before, after, _mm256_set1_ps(place.share));
    const __m256 low = _mm256_blendv_ps(lowest, values.low, low_used);
    const __m256 high = _mm256_blendv_ps(lowest, values.high, high_used);
    __m256 most = _mm256_max_ps(low, high);
    most = _mm256_max_ps(most, _mm256_permute2f128_ps(most, most, 1));
    most = _mm256_max_ps(most, _mm256_permute_ps(most, 0b01001110));
    most = _mm256_max_ps(most, _mm256_permute_ps(most, 0b10110001));
    const float value = _mm256_cvtss_f32(most);
    if (!(value > largest[pixel])) continue;
    largest[pixel] = value;
    const int is_low = _mm256_movemask_ps(_mm256_cmp_ps(low, most, _CMP_EQ_OQ));
    const int is_high = _mm256_movemask_ps(_mm256_cmp_ps(high, most, _CMP_EQ_OQ));
    labels[pixel] = first + __builtin_ctz(static_cast<unsigned>(is_low | is_high << 8) | 1U << group_size);
  }
}

}  // namespace datus::refine_detail
