// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/lane_minima.hpp"

#include <cstdint>

#include <immintrin.h>

// What the AVX2 and the AVX-512 path of `Kernels::nearest_two` share, for these two files only. All functions are
// static: each file must have its own copy, compiled for its own instruction set.

namespace datus::clustering {

/// For each lane, the two lowest scores so far of a row, and the centroid that has the lower one.
struct alignas(64) LaneTwo {
  LaneMinima lowest;
  float second[group_size];
};

static void clear(LaneTwo* lanes, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    clear(&lanes[i].lowest, 1);
    for (float& second : lanes[i].second) second = __builtin_inff();
  }
}

/// The two lowest scores of all lanes, and the lowest index that has the lower one.
static void two_of_lanes(const LaneTwo& lanes, std::int32_t* label, float* lowest, float* second) {
  lowest_of_lanes(lanes.lowest, label, lowest);
  // The winner's lane offers its second score instead.
  const __m256i lane = _mm256_set1_epi32(*label % group_size);
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i low_won = _mm256_cmpeq_epi32(lane, numbers);
  const __m256i high_won = _mm256_cmpeq_epi32(lane, _mm256_add_epi32(numbers, _mm256_set1_epi32(8)));
  const __m256 low =
      _mm256_blendv_ps(_mm256_load_ps(lanes.lowest.score), _mm256_load_ps(lanes.second), _mm256_castsi256_ps(low_won));
  const __m256 high = _mm256_blendv_ps(_mm256_load_ps(lanes.lowest.score + 8), _mm256_load_ps(lanes.second + 8),
                                       _mm256_castsi256_ps(high_won));
  *second = _mm256_cvtss_f32(lowest_everywhere(low, high));
}

}  // namespace datus::clustering
