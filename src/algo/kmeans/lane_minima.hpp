// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/kernels.hpp"

#include <cstdint>

#include <immintrin.h>

// What the files of the AVX2 and the AVX-512 paths share, for them only. All functions are static: each file must have
// its own copy, compiled for its own instruction set.

namespace datus::clustering {

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

static __m256 lowest_everywhere(__m256 low, __m256 high) {
  __m256 lowest = _mm256_min_ps(low, high);
  lowest = _mm256_min_ps(lowest, _mm256_permute2f128_ps(lowest, lowest, 1));
  lowest = _mm256_min_ps(lowest, _mm256_permute_ps(lowest, 0x4E));
  return _mm256_min_ps(lowest, _mm256_permute_ps(lowest, 0xB1));
}

/// The lowest score of all lanes, and the lowest index that has it.
static void lowest_of_lanes(const LaneMinima& minima, std::int32_t* label, float* score) {
  const __m256 low = _mm256_load_ps(minima.score);
  const __m256 high = _mm256_load_ps(minima.score + 8);
  const __m256 lowest = lowest_everywhere(low, high);
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

}  // namespace datus::clustering
