// SPDX-License-Identifier: Apache-2.0
#include "algo/louvain/kernels.hpp"

#include <cstddef>

#include <immintrin.h>

namespace datus::louvain_detail {
namespace {

std::uint32_t count_bits(const std::uint64_t* row, int words) {
  std::uint64_t sum = 0;
  for (int w = 0; w < words; ++w) sum += static_cast<std::uint64_t>(_mm_popcnt_u64(row[w]));
  return static_cast<std::uint32_t>(sum);
}

// A byte lane gains at most 8 a word.
constexpr int words_per_byte_sum = 31;

/// Set bits of each byte: two table look-ups of four bits.
__m256i bits_of_bytes(__m256i value) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0F);
  return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(value, low)),
                         _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(value, 4), low)));
}

void count_links(const std::uint64_t* row, const std::uint64_t* masks, int words, int slots, std::uint32_t* links) {
  const __m256i zero = _mm256_setzero_si256();
  for (int group = 0; group < slots; group += slot_group, links += slot_group) {
    __m256i sums[2] = {zero, zero};
    for (int first = 0; first < words; first += words_per_byte_sum) {
      const int end = words - first < words_per_byte_sum ? words : first + words_per_byte_sum;
      __m256i bytes[2] = {zero, zero};
      for (int w = first; w < end; ++w, masks += slot_group) {
        const __m256i bits = _mm256_set1_epi64x(static_cast<long long>(row[w]));
        const auto* lanes = reinterpret_cast<const __m256i*>(masks);
        bytes[0] = _mm256_add_epi8(bytes[0], bits_of_bytes(_mm256_and_si256(bits, _mm256_load_si256(lanes))));
        bytes[1] = _mm256_add_epi8(bytes[1], bits_of_bytes(_mm256_and_si256(bits, _mm256_load_si256(lanes + 1))));
      }
      for (int half = 0; half < 2; ++half)
        sums[half] = _mm256_add_epi64(sums[half], _mm256_sad_epu8(bytes[half], zero));
    }
    // The low halves of the eight 64-bit sums, in order.
    const __m256i order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m128i low = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(sums[0], order));
    const __m128i high = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(sums[1], order));
    _mm_store_si128(reinterpret_cast<__m128i*>(links), low);
    _mm_store_si128(reinterpret_cast<__m128i*>(links) + 1, high);
  }
}

/// value * factor modulo 2^64, for values below 2^32.
__m256i multiply(__m256i value, __m256i factor) {
  const __m256i high = _mm256_mul_epu32(value, _mm256_srli_epi64(factor, 32));
  return _mm256_add_epi64(_mm256_mul_epu32(value, factor), _mm256_slli_epi64(high, 32));
}

Choice choose(const std::uint32_t* links, const std::uint32_t* volumes, int slots, std::int32_t own,
              std::int64_t link_factor, std::int64_t volume_factor) {
  const std::int64_t own_score = link_factor * links[own] - volume_factor * volumes[own];
  const __m256i link_factors = _mm256_set1_epi64x(link_factor);
  const __m256i volume_factors = _mm256_set1_epi64x(volume_factor);
  // Each lane keeps the first of its largest scores.
  __m256i best = _mm256_set1_epi64x(own_score);
  __m256i best_slot = _mm256_set1_epi64x(own);
  __m256i slot = _mm256_setr_epi64x(0, 1, 2, 3);
  for (int at = 0; at < slots; at += 4) {
    const __m256i link = _mm256_cvtepu32_epi64(_mm_load_si128(reinterpret_cast<const __m128i*>(links + at)));
    const __m256i volume = _mm256_cvtepu32_epi64(_mm_load_si128(reinterpret_cast<const __m128i*>(volumes + at)));
    const __m256i score = _mm256_sub_epi64(multiply(link, link_factors), multiply(volume, volume_factors));
    const __m256i linked = _mm256_cmpgt_epi64(link, _mm256_setzero_si256());
    const __m256i larger = _mm256_and_si256(linked, _mm256_cmpgt_epi64(score, best));
    best = _mm256_blendv_epi8(best, score, larger);
    best_slot = _mm256_blendv_epi8(best_slot, slot, larger);
    slot = _mm256_add_epi64(slot, _mm256_set1_epi64x(4));
  }
  alignas(32) long long lane_score[4];
  alignas(32) long long lane_slot[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lane_score), best);
  _mm256_store_si256(reinterpret_cast<__m256i*>(lane_slot), best_slot);
  Choice choice{own, 0};
  for (int lane = 0; lane < 4; ++lane) {
    const std::int64_t gain = lane_score[lane] - own_score;
    const auto candidate = static_cast<std::int32_t>(lane_slot[lane]);
    if (gain > choice.gain || (gain > 0 && gain == choice.gain && candidate < choice.slot)) choice = {candidate, gain};
  }
  return choice;
}

}  // namespace

Kernel avx2_kernel() {
  return {.count_bits = count_bits, .count_links = count_links, .choose = choose, .count_limit = 256};
}

}  // namespace datus::louvain_detail
