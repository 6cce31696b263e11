#include "half_kernels.hpp"

#include <cstddef>

#include <immintrin.h>

namespace datus::half_kernels {

void to_half_avx2(std::span<const float> from, std::span<half> to) noexcept {
  constexpr std::size_t lanes = 8;
  const __m128i sign = _mm_set1_epi16(static_cast<short>(0x8000));
  const __m128i infinite = _mm_set1_epi16(0x7C00);
  const __m128i quiet_nan = _mm_set1_epi16(0x7E00);
  std::size_t i = 0;
  for (; i + lanes <= from.size(); i += lanes) {
    const __m256 values = _mm256_loadu_ps(from.data() + i);
    const __m128i rounded = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    // The CPU keeps bits of a NaN, of which there is one only here.
    const __m128i is_nan = _mm_cmpgt_epi16(_mm_andnot_si128(sign, rounded), infinite);
    const __m128i nan = _mm_or_si128(_mm_and_si128(rounded, sign), quiet_nan);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to.data() + i), _mm_blendv_epi8(rounded, nan, is_nan));
  }
  for (; i < from.size(); ++i) to[i] = to_half(from[i]);
}

}  // namespace datus::half_kernels
