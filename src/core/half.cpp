// SPDX-License-Identifier: Apache-2.0
#include "datus/core/half.hpp"

#include "core/half_kernels.hpp"

#include <bit>
#include <cstddef>

namespace datus {
namespace {

// Both conversions are plain code without branches, so that the loops over spans are vectorised; the same bits on every
// CPU. They are local to this file: in position-independent code, one that others can see is called, not inlined.

/// All bits set where `smaller` is below `larger`; both are below 2^31.
std::uint32_t mask_below(std::uint32_t smaller, std::uint32_t larger) noexcept {
  // Signed, for which every CPU has a vector instruction.
  return -static_cast<std::uint32_t>(static_cast<std::int32_t>(smaller) < static_cast<std::int32_t>(larger));
}

std::uint16_t rounded(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  const std::uint32_t odd = (magnitude >> 13U) & 1U;
  const std::uint32_t normal = (magnitude - 0x38000000U + 0xFFFU + odd) >> 13U;
  // A half denormal is a multiple of 2^-24; adding 0.5 puts its rounded integer into the low bits of a float.
  const std::uint32_t denormal = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000U;
  const std::uint32_t is_denormal = mask_below(magnitude, 0x38800000U);
  const std::uint32_t is_finite = mask_below(magnitude, 0x477FF000U);  // else it rounds to 2^16 or more
  const std::uint32_t is_nan = mask_below(0x7F800000U, magnitude);
  const std::uint32_t finite = (denormal & is_denormal) | (normal & ~is_denormal);
  const std::uint32_t other = 0x7C00U | (is_nan & 0x0200U);
  return static_cast<std::uint16_t>(sign | (finite & is_finite) | (other & ~is_finite));
}

float widened(std::uint16_t value) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(value & 0x8000U) << 16U;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(value & 0x7FFFU) << 13U;
  // The exponent has another bias: one exact multiplication mends it, for denormals too.
  const auto finite = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
  const std::uint32_t infinite_or_nan = magnitude | 0x7F800000U;
  const std::uint32_t is_finite = mask_below(magnitude, 0x0F800000U);
  return std::bit_cast<float>(sign | (finite & is_finite) | (infinite_or_nan & ~is_finite));
}

}  // namespace

half to_half(float value) noexcept {
  return {rounded(value)};
}

float to_float(half value) noexcept {
  return widened(value.bits);
}

void to_half(std::span<const float> from, std::span<half> to) {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) return half_kernels::to_half_avx2(from, to);
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = {rounded(from[i])};
}

bool to_half_exactly(std::span<const float> from, std::span<half> to) {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) {
    return half_kernels::to_half_exactly_avx2(from, to);
  }
  std::uint32_t lost = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    to[i] = {rounded(from[i])};
    lost |= std::bit_cast<std::uint32_t>(widened(to[i].bits)) ^ std::bit_cast<std::uint32_t>(from[i]);
  }
  return lost == 0;
}

void to_float(std::span<const half> from, std::span<float> to) {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) return half_kernels::to_float_avx2(from, to);
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = widened(from[i].bits);
}

bool all_finite(std::span<const half> values) noexcept {
  constexpr std::uint16_t exponent = 0x7C00;
  // No branch, so that the loop is vectorised: the largest exponent of all.
  std::uint16_t largest = 0;
  for (const half value : values) {
    const auto bits = static_cast<std::uint16_t>(value.bits & exponent);
    largest = bits > largest ? bits : largest;
  }
  return largest != exponent;
}

}  // namespace datus
