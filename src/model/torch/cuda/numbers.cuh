// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_fp16.h>

namespace datus::gpu_layers {

/// The numbers of a model's activations in memory; arithmetic is done in float32.
struct Bfloat16 {
  std::uint16_t bits;
};
struct Float16 {
  std::uint16_t bits;
};

__device__ __forceinline__ float widen(float value) {
  return value;
}
__device__ __forceinline__ float widen(Bfloat16 value) {
  return __uint_as_float(static_cast<unsigned>(value.bits) << 16U);
}
__device__ __forceinline__ float widen(Float16 value) {
  return __half2float(__ushort_as_half(value.bits));
}

/// Rounds to nearest, ties to even.
template <class T>
__device__ __forceinline__ T narrow(float value);

template <>
__device__ __forceinline__ float narrow<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ Bfloat16 narrow<Bfloat16>(float value) {
  const unsigned bits = __float_as_uint(value);
  // NaN stays NaN: rounding could carry it over to zero.
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return {static_cast<std::uint16_t>((bits >> 16U) | 0x40U)};
  return {static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U)};
}
template <>
__device__ __forceinline__ Float16 narrow<Float16>(float value) {
  return {__half_as_ushort(__float2half_rn(value))};
}

/// Consecutive numbers that are read and written at once: 16 bytes of 16-bit ones.
inline constexpr int pack = 8;

template <class T>
struct alignas(sizeof(T) * pack < 16 ? sizeof(T) * pack : 16) Pack {
  T values[pack];
};

}  // namespace datus::gpu_layers
