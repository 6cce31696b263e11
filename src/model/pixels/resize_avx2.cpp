// SPDX-License-Identifier: Apache-2.0
#include "model/pixels/resize_loops.hpp"

#include <cstring>

#include <immintrin.h>

namespace datus::resize_kernels {
namespace {

__m256i load(const WidePixels& pixels) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(pixels.lanes));
}

__m256i product(const WidePixels& pixels, std::int32_t weight) {
  return _mm256_mullo_epi32(load(pixels), _mm256_set1_epi32(weight));
}

/// One pixel's bytes and the one that follows.
__m128i four_bytes(const std::uint8_t* pixel) {
  std::int32_t bytes = 0;
  std::memcpy(&bytes, pixel, sizeof bytes);
  return _mm_cvtsi32_si128(bytes);
}

}  // namespace

void widen_avx2(TwoRows<const std::uint8_t> from, std::size_t begin, std::size_t end, WidePixels* wide) {
  constexpr char zero = -1;  // for the shuffle
  const __m128i spread =
      _mm_setr_epi8(0, zero, zero, zero, 1, zero, zero, zero, 2, zero, zero, zero, zero, zero, zero, zero);
  std::size_t x = begin;
  // Behind the last pixel of a row there may be no byte.
  for (; x + 1 < end; ++x) {
    const __m128i first = _mm_shuffle_epi8(four_bytes(from.first + 3 * x), spread);
    const __m128i second = _mm_shuffle_epi8(four_bytes(from.second + 3 * x), spread);
    _mm256_store_si256(reinterpret_cast<__m256i*>(wide[x].lanes), _mm256_set_m128i(second, first));
  }
  widen(from, x, end, wide);
}

void horizontal_avx2(const WidePixels* rows, const Window* windows, std::size_t count, TwoRows<std::uint8_t> to) {
  constexpr char zero = -1;
  const __m128i pick_of_row =
      _mm_setr_epi8(0, 4, 8, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero);
  const __m256i pick = _mm256_set_m128i(pick_of_row, pick_of_row);
  for (std::size_t x = 0; x < count; ++x) {
    const Window window = windows[x];
    const WidePixels* pixels = rows + window.first;
    // Two sums, so that one addition need not wait for the other. The order does not matter to integers.
    __m256i even = _mm256_set1_epi32(half_unit);
    __m256i odd = _mm256_setzero_si256();
    int tap = 0;
    for (; tap + 1 < window.count; tap += 2) {
      even = _mm256_add_epi32(even, product(pixels[tap], window.weights[tap]));
      odd = _mm256_add_epi32(odd, product(pixels[tap + 1], window.weights[tap + 1]));
    }
    if (tap < window.count) even = _mm256_add_epi32(even, product(pixels[tap], window.weights[tap]));
    const __m256i sums = _mm256_srai_epi32(_mm256_add_epi32(even, odd), weight_bits);
    const __m256i bytes = _mm256_min_epi32(_mm256_max_epi32(sums, _mm256_setzero_si256()), _mm256_set1_epi32(255));
    const __m256i picked = _mm256_shuffle_epi8(bytes, pick);
    const int first = _mm256_extract_epi32(picked, 0);
    const int second = _mm256_extract_epi32(picked, 4);
    std::memcpy(to.first + 3 * x, &first, 3);
    std::memcpy(to.second + 3 * x, &second, 3);
  }
}

void vertical_avx2(const std::uint8_t* from, std::size_t stride, const Window& window, std::size_t bytes,
                   std::uint8_t* to) {
  vertical(from, stride, window, bytes, to);
}

}  // namespace datus::resize_kernels
