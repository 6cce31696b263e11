// SPDX-License-Identifier: Apache-2.0
#pragma once

// For any of the Lanes. Internal linkage, see attention_loops.hpp.

namespace datus {
namespace {

/// 2^x for x ≤ 127, relative error below 2e-7; 0 for x ≤ -127; not a number stays so. The polynomial is the one of
/// degree 6 with the least relative error for 2^f, |f| ≤ 1/2.
template <class Lanes>
inline __attribute__((always_inline)) typename Lanes::Vector power_of_two(typename Lanes::Vector x) {
  using Vector = typename Lanes::Vector;
  using Bits = typename Lanes::Bits;
  // Added to a number below 2^22, this leaves the nearest integer in the lowest bits.
  const Vector rounder = Lanes::all(0x1.8p23F);
  x = Lanes::larger(Lanes::all(-127.0F), x);
  const Vector shifted = x + rounder;
  const Vector f = x - (shifted - rounder);
  Vector result = Lanes::all(0x1.41fbbcp-13F);
  result = Lanes::multiply_add(result, f, Lanes::all(0x1.5f3e54p-10F));
  result = Lanes::multiply_add(result, f, Lanes::all(0x1.3b2d4cp-7F));
  result = Lanes::multiply_add(result, f, Lanes::all(0x1.c6aee8p-5F));
  result = Lanes::multiply_add(result, f, Lanes::all(0x1.ebfbdcp-3F));
  result = Lanes::multiply_add(result, f, Lanes::all(0x1.62e430p-1F));
  result = Lanes::multiply_add(result, f, Lanes::all(1.0F));
  // The integer becomes the exponent; the other bits of `rounder` leave at the top.
  const Bits exponent = (reinterpret_cast<Bits>(shifted) << 23U) + (127U << 23U);
  return result * reinterpret_cast<Vector>(exponent);
}

}  // namespace
}  // namespace datus
