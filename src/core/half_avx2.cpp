// SPDX-License-Identifier: Apache-2.0
#include "core/half_kernels.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

#include <immintrin.h>

namespace datus::half_kernels {
namespace {

constexpr std::size_t lanes = 8;

__m128i rounded(__m256 values) noexcept {
  const __m128i sign = _mm_set1_epi16(static_cast<short>(0x8000));
  const __m128i infinite = _mm_set1_epi16(0x7C00);
  const __m128i quiet_nan = _mm_set1_epi16(0x7E00);
  const __m128i halves = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  // The CPU keeps bits of a NaN, of which there is one only here.
  const __m128i is_nan = _mm_cmpgt_epi16(_mm_andnot_si128(sign, halves), infinite);
  const __m128i nan = _mm_or_si128(_mm_and_si128(halves, sign), quiet_nan);
  return _mm_blendv_epi8(halves, nan, is_nan);
}

}  // namespace

void to_half_avx2(std::span<const float> from, std::span<half> to) noexcept {
  std::size_t i = 0;
  for (; i + lanes <= from.size(); i += lanes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to.data() + i), rounded(_mm256_loadu_ps(from.data() + i)));
  }
  for (; i < from.size(); ++i) to[i] = to_half(from[i]);
}

void to_float_avx2(std::span<const half> from, std::span<float> to) noexcept {
  std::size_t i = 0;
  for (; i + lanes <= from.size(); i += lanes) {
    const __m256 values = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from.data() + i)));
    _mm256_storeu_ps(to.data() + i, values);
    // The CPU makes signalling NaNs quiet.
    if (_mm256_movemask_ps(_mm256_cmp_ps(values, values, _CMP_UNORD_Q)) == 0) continue;
    for (std::size_t lane = i; lane < i + lanes; ++lane) to[lane] = to_float(from[lane]);
  }
  for (; i < from.size(); ++i) to[i] = to_float(from[i]);
}

bool to_half_exactly_avx2(std::span<const float> from, std::span<half> to) noexcept {
  __m256i lost = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + lanes <= from.size(); i += lanes) {
    const __m256 values = _mm256_loadu_ps(from.data() + i);
    const __m128i halves = rounded(values);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to.data() + i), halves);
    const __m256i widened = _mm256_castps_si256(_mm256_cvtph_ps(halves));
    lost = _mm256_or_si256(lost, _mm256_xor_si256(widened, _mm256_castps_si256(values)));
  }
  bool exact = _mm256_testz_si256(lost, lost) != 0;
  for (; i < from.size(); ++i) {
    to[i] = to_half(from[i]);
    exact = exact && std::bit_cast<std::uint32_t>(to_float(to[i])) == std::bit_cast<std::uint32_t>(from[i]);
  }
  return exact;
}

}  // namespace datus::half_kernels
