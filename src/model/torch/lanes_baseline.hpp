// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

// The vector operations that loops are written with, for every CPU. GCC's and Clang's vector extension maps them to
// whatever registers there are. lanes_avx2.hpp and lanes_avx512.hpp define the same names for their files.

namespace datus {
namespace {

struct Lanes {
  static constexpr int width = 4;
  /// Rows of a tile of a matrix product: as many as leave registers for two vectors of columns and one value.
  static constexpr int tile_rows = 4;
  typedef float Vector __attribute__((vector_size(16)));
  typedef std::uint32_t Bits __attribute__((vector_size(16)));

  static Vector load(const float* from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
  }
  static void store(float* to, Vector vector) { std::memcpy(to, &vector, sizeof vector); }
  static Vector all(float value) { return Vector{value, value, value, value}; }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }
  /// b where either is not a number.
  static Vector larger(Vector a, Vector b) { return a > b ? a : b; }
};

}  // namespace
}  // namespace datus
