// SPDX-License-Identifier: Apache-2.0
#include "kmeans/limit_kernels.hpp"

#include <immintrin.h>

namespace datus::bench {
namespace {

constexpr int lanes = 16;
// Two units with a latency of 4 cycles need 8 chains; more do no harm, and 24 fit into the 32 registers.
constexpr int chains = 24;

float add_up(const __m512* sums, int count) {
  float partial[lanes];
  float total = 0.0F;
  for (int i = 0; i < count; ++i) {
    _mm512_storeu_ps(partial, sums[i]);
    for (const float value : partial) total += value;
  }
  return total;
}

/// 8 registers of sums hide the latency of the additions.
template <int streams>
float sum_streams(const float* values, std::int64_t count) {
  constexpr int per_stream = 8 / streams;
  __m512 sums[streams][per_stream];
  for (auto& of_stream : sums) {
    for (__m512& value : of_stream) value = _mm512_setzero_ps();
  }
  for (std::int64_t i = 0; i < count; i += per_stream * lanes) {
#pragma GCC unroll 4
    for (int s = 0; s < streams; ++s) {
      const float* from = values + s * count + i;
#pragma GCC unroll 8
      for (int c = 0; c < per_stream; ++c) {
        sums[s][c] = _mm512_add_ps(sums[s][c], _mm512_loadu_ps(from + std::int64_t{c} * lanes));
      }
    }
  }
  float total = 0.0F;
  for (const auto& of_stream : sums) total += add_up(of_stream, per_stream);
  return total;
}

float sum(const float* values, std::int64_t count, int streams) {
  switch (streams) {
    case 4:
      return sum_streams<4>(values, count);
    case 2:
      return sum_streams<2>(values, count);
    default:
      return sum_streams<1>(values, count * streams);
  }
}

float multiply_add(std::int64_t steps) {
  __m512 sums[chains];
#pragma GCC unroll 24
  for (int c = 0; c < chains; ++c) sums[c] = _mm512_set1_ps(static_cast<float>(c));
  // Every chain tends to 2: no denormal number, no overflow.
  const __m512 factor = _mm512_set1_ps(0.5F);
  const __m512 term = _mm512_set1_ps(1.0F);
  for (std::int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 24
    for (int c = 0; c < chains; ++c) sums[c] = _mm512_fmadd_ps(sums[c], factor, term);
  }
  return add_up(sums, chains);
}

}  // namespace

LimitKernels avx512_limit_kernels() {
  return {sum, multiply_add, chains * lanes};
}

}  // namespace datus::bench
