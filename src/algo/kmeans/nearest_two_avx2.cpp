// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/nearest_two.hpp"
#include "algo/kmeans/nearest_two_avx.hpp"
#include "algo/kmeans/strips_avx2.hpp"

#include <immintrin.h>

namespace datus::clustering {
namespace {

/// Takes the scores of one half of the lanes into `lanes`, from the lane `at` on.
void take_in(__m256 score, __m256i index, LaneTwo* lanes, int at) {
  const __m256 lowest = _mm256_load_ps(lanes->lowest.score + at);
  const __m256 second = _mm256_load_ps(lanes->second + at);
  auto* const indices = reinterpret_cast<__m256i*>(lanes->lowest.index + at);
  const __m256 is_lowest = _mm256_cmp_ps(score, lowest, _CMP_LT_OQ);
  // Of the score and the lowest so far, the one that is not the lowest now: NaN is never lower than the second.
  const __m256 other = _mm256_blendv_ps(score, lowest, is_lowest);
  const __m256 is_second = _mm256_cmp_ps(other, second, _CMP_LT_OQ);
  _mm256_store_ps(lanes->second + at, _mm256_blendv_ps(second, other, is_second));
  _mm256_store_ps(lanes->lowest.score + at, _mm256_blendv_ps(lowest, score, is_lowest));
  _mm256_store_si256(indices, _mm256_blendv_epi8(_mm256_load_si256(indices), index, _mm256_castps_si256(is_lowest)));
}

}  // namespace

void avx2_nearest_two(const float* rows, std::int64_t count, const PackedView& centroids, std::int32_t* labels,
                      float* lowest, float* second) {
  LaneTwo lanes[strip_rows];
  clear(lanes, count);
  score_strip<LaneTwo, take_in>(rows, count, centroids, lanes);
  for (std::int64_t i = 0; i < count; ++i) two_of_lanes(lanes[i], labels + i, lowest + i, second + i);
}

}  // namespace datus::clustering
