// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace datus {

/// IEEE 754 binary16 as stored in files. Arithmetic is done in float.
struct half {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(const half&, const half&) = default;
};

/// Rounds to nearest, ties to even; values beyond 65504 become infinite, NaN stays NaN (quiet).
[[nodiscard]] half to_half(float value) noexcept;
/// Exact.
[[nodiscard]] float to_float(half value) noexcept;

/// Element-wise over equally long spans.
void to_half(std::span<const float> from, std::span<half> to);
void to_float(std::span<const half> from, std::span<float> to);  ///< The way back.
/// As `to_half`; returns whether `to_float` gives every value back to the bit, the sign of zeros included.
[[nodiscard]] bool to_half_exactly(std::span<const float> from, std::span<half> to);
/// Whether none is infinite or NaN.
[[nodiscard]] bool all_finite(std::span<const half> values) noexcept;

}  // namespace datus
