// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

// Bfloat16 for cuda_runtime.h beside this file.

struct __nv_bfloat16 {
  std::uint16_t bits;
};
struct __nv_bfloat162 {
  __nv_bfloat16 x;
  __nv_bfloat16 y;
};
inline std::uint16_t __bfloat16_as_ushort(__nv_bfloat16 value) {
  return value.bits;
}
/// As cards round: to the nearest, of two as near to the even one; each NaN becomes the same.
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  if (value != value) return {0x7FFF};
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const std::uint32_t rest = bits & 0xFFFFU;
  const bool is_odd = (bits & 0x10000U) != 0;
  const bool up = rest > 0x8000U || (rest == 0x8000U && is_odd);
  return {static_cast<std::uint16_t>((bits >> 16U) + (up ? 1 : 0))};
}
inline __nv_bfloat162 __floats2bfloat162_rn(float first, float second) {
  return {__float2bfloat16_rn(first), __float2bfloat16_rn(second)};
}
