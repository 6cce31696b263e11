// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <immintrin.h>

// lanes_baseline.hpp for files that are compiled for AVX-512.

namespace datus {
namespace {

struct Lanes {
  static constexpr int width = 16;
  static constexpr int tile_rows = 14;
  typedef float Vector __attribute__((vector_size(64)));
  typedef std::uint32_t Bits __attribute__((vector_size(64)));

  static Vector load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Vector vector) { _mm512_storeu_ps(to, vector); }
  static Vector all(float value) { return _mm512_set1_ps(value); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  // The form with a mask, all of it set: GCC 12 warns of the plain one's undefined register.
  static Vector larger(Vector a, Vector b) { return _mm512_maskz_max_ps(0xFFFF, a, b); }
};

}  // namespace
}  // namespace datus
