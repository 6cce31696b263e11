// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// For the files of paths only, each with a copy of its own: see kernel_loops.hpp.

namespace datus::refine_detail {

/// Registers of `width` floats; a group of classes takes several. (A vector type that is wider than the registers would
/// do, but goes over memory.)
template <int width>
struct Registers;

template <>
struct Registers<4> {
  using Floats = float __attribute__((vector_size(16)));
  using Integers = std::int32_t __attribute__((vector_size(16)));
  using Doubles = double __attribute__((vector_size(16)));
  static constexpr Integers lanes = {0, 1, 2, 3};
};

template <>
struct Registers<8> {
  using Floats = float __attribute__((vector_size(32)));
  using Integers = std::int32_t __attribute__((vector_size(32)));
  using Doubles = double __attribute__((vector_size(32)));
  static constexpr Integers lanes = {0, 1, 2, 3, 4, 5, 6, 7};
};

template <>
struct Registers<16> {
  using Floats = float __attribute__((vector_size(64)));
  using Integers = std::int32_t __attribute__((vector_size(64)));
  using Doubles = double __attribute__((vector_size(64)));
  static constexpr Integers lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
};

}  // namespace datus::refine_detail
