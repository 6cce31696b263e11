#include "datus/core/half.hpp"

#include <bit>
#include <cstddef>

namespace datus {

// Plain integer code: the same bits on every CPU, and fast enough next to the file that it comes from or goes to.
half to_half(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return {static_cast<std::uint16_t>(sign | 0x7E00U)};
  if (magnitude >= 0x477FF000U) return {static_cast<std::uint16_t>(sign | 0x7C00U)};  // rounds to 2^16 or more
  if (magnitude < 0x38800000U) {
    // A half denormal is a multiple of 2^-24; adding 0.5 puts its rounded integer into the low bits of a float.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000U))};
  }
  const std::uint32_t odd = (magnitude >> 13U) & 1U;
  const std::uint32_t rounded = magnitude - 0x38000000U + 0xFFFU + odd;
  return {static_cast<std::uint16_t>(sign | (rounded >> 13U))};
}

// Without branches, so that the loop over a span is vectorised.
float to_float(half value) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000U) << 16U;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(value.bits & 0x7FFFU) << 13U;
  // The exponent has another bias: one exact multiplication mends it, for denormals too.
  const auto finite = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
  const std::uint32_t infinite_or_nan = magnitude | 0x7F800000U;
  const bool is_finite = magnitude < 0x0F800000U;
  return std::bit_cast<float>(sign | (is_finite ? finite : infinite_or_nan));
}

void to_half(std::span<const float> from, std::span<half> to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = to_half(from[i]);
}

void to_float(std::span<const half> from, std::span<float> to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = to_float(from[i]);
}

}  // namespace datus
