// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/nearest_two.hpp"
#include "algo/kmeans/nearest_two_avx.hpp"
#include "algo/kmeans/strips_avx512.hpp"

#include <immintrin.h>

namespace datus::clustering {
namespace {

void take_in(__m512 score, __m512i index, LaneTwo* lanes) {
  const __m512 lowest = _mm512_load_ps(lanes->lowest.score);
  const __m512 second = _mm512_load_ps(lanes->second);
  const __mmask16 is_lowest = _mm512_cmp_ps_mask(score, lowest, _CMP_LT_OQ);
  // Of the score and the lowest so far, the one that is not the lowest now: NaN is never lower than the second.
  const __m512 other = _mm512_mask_blend_ps(is_lowest, score, lowest);
  _mm512_mask_store_ps(lanes->second, _mm512_cmp_ps_mask(other, second, _CMP_LT_OQ), other);
  _mm512_mask_store_ps(lanes->lowest.score, is_lowest, score);
  _mm512_mask_store_epi32(lanes->lowest.index, is_lowest, index);
}

}  // namespace

void avx512_nearest_two(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                        float* lowest, float* second) {
  LaneTwo lanes[strip_rows];
  clear(lanes, count);
  score_strip<LaneTwo, take_in>(rows, count, centroids, lanes);
  for (std::int64_t i = 0; i < count; ++i) two_of_lanes(lanes[i], labels + i, lowest + i, second + i);
}

}  // namespace datus::clustering
