// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include <cuda_bf16.h>
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

/// Rounds to nearest, ties to even. NaN stays NaN: 0x7FFF in 16 bits, whatever it was.
template <class T>
__device__ __forceinline__ T narrow(float value);

template <>
__device__ __forceinline__ float narrow<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ Bfloat16 narrow<Bfloat16>(float value) {
  return {__bfloat16_as_ushort(__float2bfloat16_rn(value))};
}
template <>
__device__ __forceinline__ Float16 narrow<Float16>(float value) {
  return {__half_as_ushort(__float2half_rn(value))};
}

/// Consecutive numbers that are read and written at once: 16 bytes of 16-bit ones.
inline constexpr int pack = 8;

/// 16-bit numbers in pairs, the first one in the low half of a word: from Ampere on, cards round two numbers to such a
/// word in one instruction.
template <class T>
struct alignas(16) Pack {
  unsigned pairs[pack / 2];
};
template <>
struct alignas(16) Pack<float> {
  float values[pack];
};

struct Pair {
  float first;
  float second;
};
template <class T>
__device__ __forceinline__ Pair widen_pair(unsigned pair);
template <>
__device__ __forceinline__ Pair widen_pair<Bfloat16>(unsigned pair) {
  return {__uint_as_float(pair << 16U), __uint_as_float(pair & 0xFFFF0000U)};
}
template <>
__device__ __forceinline__ Pair widen_pair<Float16>(unsigned pair) {
  const auto half_of = [](unsigned bits) { return __ushort_as_half(static_cast<unsigned short>(bits)); };
  return {__half2float(half_of(pair & 0xFFFFU)), __half2float(half_of(pair >> 16U))};
}

/// As it is: put together from its halves it would be taken apart first.
template <class Both>
__device__ __forceinline__ unsigned word_of(Both both) {
  unsigned word;
  static_assert(sizeof(word) == sizeof(both));
  std::memcpy(&word, &both, sizeof(word));
  return word;
}

template <class T>
__device__ __forceinline__ unsigned narrow_pair(Pair pair);
template <>
__device__ __forceinline__ unsigned narrow_pair<Bfloat16>(Pair pair) {
  return word_of(__floats2bfloat162_rn(pair.first, pair.second));
}
template <>
__device__ __forceinline__ unsigned narrow_pair<Float16>(Pair pair) {
  return word_of(__floats2half2_rn(pair.first, pair.second));
}

/// The numbers of a pack, in float32.
template <class T>
__device__ __forceinline__ void widen(Pack<T> from, float (&to)[pack]) {
#pragma unroll
  for (int i = 0; i < pack; i += 2) {
    const Pair pair = widen_pair<T>(from.pairs[i / 2]);
    to[i] = pair.first;
    to[i + 1] = pair.second;
  }
}
__device__ __forceinline__ void widen(Pack<float> from, float (&to)[pack]) {
#pragma unroll
  for (int i = 0; i < pack; ++i) to[i] = from.values[i];
}

/// A pack of what `narrow` makes of each.
template <class T>
__device__ __forceinline__ Pack<T> narrow_pack(const float (&from)[pack]) {
  Pack<T> to;
#pragma unroll
  for (int i = 0; i < pack; i += 2) to.pairs[i / 2] = narrow_pair<T>({from[i], from[i + 1]});
  return to;
}
template <>
__device__ __forceinline__ Pack<float> narrow_pack<float>(const float (&from)[pack]) {
  Pack<float> to;
#pragma unroll
  for (int i = 0; i < pack; ++i) to.values[i] = from[i];
  return to;
}

}  // namespace datus::gpu_layers
