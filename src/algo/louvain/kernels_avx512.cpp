// SPDX-License-Identifier: Apache-2.0
// GCC 12 warns about the deliberately undefined operands inside its own intrinsics (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

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

/// Counts for `groups` groups of slots at once, which share the loads of the row and are independent of each other.
template <int groups>
void count_groups(const std::uint64_t* row, const std::uint64_t* masks, int words, std::uint32_t* links) {
  const std::size_t group_size = static_cast<std::size_t>(words) * slot_group;
  __m512i sums[groups];
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) sums[g] = _mm512_setzero_si512();
  for (int w = 0; w < words; ++w, masks += slot_group) {
    const __m512i bits = _mm512_set1_epi64(static_cast<long long>(row[w]));
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) {
      const __m512i mask = _mm512_load_si512(masks + static_cast<std::size_t>(g) * group_size);
      sums[g] = _mm512_add_epi64(sums[g], _mm512_popcnt_epi64(_mm512_and_si512(bits, mask)));
    }
  }
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(links + g * slot_group), _mm512_cvtepi64_epi32(sums[g]));
  }
}

void count_links(const std::uint64_t* row, const std::uint64_t* masks, int words, int slots, std::uint32_t* links) {
  constexpr int most_groups = 4;
  const std::size_t group_size = static_cast<std::size_t>(words) * slot_group;
  int groups = slots / slot_group;
  for (; groups >= most_groups; groups -= most_groups) {
    count_groups<most_groups>(row, masks, words, links);
    masks += most_groups * group_size;
    links += most_groups * slot_group;
  }
  for (; groups > 0; --groups) {
    count_groups<1>(row, masks, words, links);
    masks += group_size;
    links += slot_group;
  }
}

Choice choose(const std::uint32_t* links, const std::uint32_t* volumes, int slots, std::int32_t own,
              std::int64_t link_factor, std::int64_t volume_factor) {
  const std::int64_t own_score = link_factor * links[own] - volume_factor * volumes[own];
  const __m512i link_factors = _mm512_set1_epi64(link_factor);
  const __m512i volume_factors = _mm512_set1_epi64(volume_factor);
  // Each lane keeps the first of its largest scores.
  __m512i best = _mm512_set1_epi64(own_score);
  __m512i best_slot = _mm512_set1_epi64(own);
  __m512i slot = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  for (int at = 0; at < slots; at += slot_group) {
    const __m512i link = _mm512_cvtepu32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(links + at)));
    const __m512i volume = _mm512_cvtepu32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(volumes + at)));
    const __m512i score =
        _mm512_sub_epi64(_mm512_mullo_epi64(link, link_factors), _mm512_mullo_epi64(volume, volume_factors));
    const __mmask8 larger = _mm512_mask_cmpgt_epi64_mask(_mm512_test_epi64_mask(link, link), score, best);
    best = _mm512_mask_mov_epi64(best, larger, score);
    best_slot = _mm512_mask_mov_epi64(best_slot, larger, slot);
    slot = _mm512_add_epi64(slot, _mm512_set1_epi64(slot_group));
  }
  const std::int64_t best_score = _mm512_reduce_max_epi64(best);
  if (best_score == own_score) return {own, 0};
  const __mmask8 largest = _mm512_cmpeq_epi64_mask(best, _mm512_set1_epi64(best_score));
  return {static_cast<std::int32_t>(_mm512_mask_reduce_min_epi64(largest, best_slot)), best_score - own_score};
}

}  // namespace

Kernel avx512_kernel() {
  return {.count_bits = count_bits, .count_links = count_links, .choose = choose, .count_limit = 1024};
}

}  // namespace datus::louvain_detail
