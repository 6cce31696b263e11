#pragma once

#include "algo/kmeans/kernels.hpp"

#include <cstdint>

#include <immintrin.h>

// What the AVX2 and the AVX-512 path of `NearestTwo` share, for these two files only. All functions are static: each
// file must have its own copy, compiled for its own instruction set.

namespace datus::lloyd {

/// For each lane, the two lowest scores so far of a row, and the centroid that has the lower one.
struct alignas(64) LaneTwo {
  float lowest[group_size];
  float second[group_size];
  std::int32_t index[group_size];
};

static void clear(LaneTwo* lanes, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (int lane = 0; lane < group_size; ++lane) {
      lanes[i].lowest[lane] = lanes[i].second[lane] = __builtin_inff();
      lanes[i].index[lane] = 0;
    }
  }
}

static __m256 lowest_everywhere(__m256 low, __m256 high) {
  __m256 lowest = _mm256_min_ps(low, high);
  lowest = _mm256_min_ps(lowest, _mm256_permute2f128_ps(lowest, lowest, 1));
  lowest = _mm256_min_ps(lowest, _mm256_permute_ps(lowest, 0x4E));
  return _mm256_min_ps(lowest, _mm256_permute_ps(lowest, 0xB1));
}

/// The two lowest scores of all lanes, and the lowest index that has the lower one.
static void two_of_lanes(const LaneTwo& lanes, std::int32_t* label, float* lowest, float* second) {
  const __m256 low = _mm256_load_ps(lanes.lowest);
  const __m256 high = _mm256_load_ps(lanes.lowest + 8);
  const __m256 first = lowest_everywhere(low, high);
  const __m256i none = _mm256_set1_epi32(INT32_MAX);
  const auto* const index = reinterpret_cast<const __m256i*>(lanes.index);
  const __m256i low_has = _mm256_castps_si256(_mm256_cmp_ps(low, first, _CMP_EQ_OQ));
  const __m256i high_has = _mm256_castps_si256(_mm256_cmp_ps(high, first, _CMP_EQ_OQ));
  const __m256i candidates = _mm256_min_epi32(_mm256_blendv_epi8(none, _mm256_load_si256(index), low_has),
                                              _mm256_blendv_epi8(none, _mm256_load_si256(index + 1), high_has));
  __m128i winner = _mm_min_epi32(_mm256_castsi256_si128(candidates), _mm256_extracti128_si256(candidates, 1));
  winner = _mm_min_epi32(winner, _mm_shuffle_epi32(winner, 0x4E));
  winner = _mm_min_epi32(winner, _mm_shuffle_epi32(winner, 0xB1));
  *label = _mm_cvtsi128_si32(winner);
  *lowest = _mm256_cvtss_f32(first);
  // The winner's lane offers its second score instead.
  const __m256i lane = _mm256_set1_epi32(*label % group_size);
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i low_won = _mm256_cmpeq_epi32(lane, numbers);
  const __m256i high_won = _mm256_cmpeq_epi32(lane, _mm256_add_epi32(numbers, _mm256_set1_epi32(8)));
  *second = _mm256_cvtss_f32(
      lowest_everywhere(_mm256_blendv_ps(low, _mm256_load_ps(lanes.second), _mm256_castsi256_ps(low_won)),
                        _mm256_blendv_ps(high, _mm256_load_ps(lanes.second + 8), _mm256_castsi256_ps(high_won))));
}

}  // namespace datus::lloyd
