// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/half.hpp"

#include <cstdint>

// Half precision for cuda_runtime.h beside this file.

struct __half {
  std::uint16_t bits;
};
inline __half __ushort_as_half(std::uint16_t bits) {
  return {bits};
}
inline std::uint16_t __half_as_ushort(__half value) {
  return value.bits;
}
inline float __half2float(__half value) {
  return datus::to_float(datus::half{value.bits});
}
/// As cards do, each NaN becomes the same.
inline __half __float2half_rn(float value) {
  if (value != value) return {0x7FFF};
  return {datus::to_half(value).bits};
}
struct __half2 {
  __half x;
  __half y;
};
inline __half2 __floats2half2_rn(float first, float second) {
  return {__float2half_rn(first), __float2half_rn(second)};
}
