// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <immintrin.h>

// lanes_baseline.hpp for files that are compiled for AVX2 and FMA.

namespace datus {
namespace {

struct Lanes {
  static constexpr int width = 8;
  static constexpr int tile_rows = 6;
  typedef float Vector __attribute__((vector_size(32)));
  typedef std::uint32_t Bits __attribute__((vector_size(32)));

  static Vector load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Vector vector) { _mm256_storeu_ps(to, vector); }
  static Vector all(float value) { return _mm256_set1_ps(value); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
};

}  // namespace
}  // namespace datus
