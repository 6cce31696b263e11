// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/host_device.hpp"

// For the files of paths, each with a copy of its own (see kernels.hpp), and for kernels of a GPU.

namespace datus::affinity {

/// e^x, x = (cosine - 1) * scale, to 2 units in the last place, 0 where x is below -16. x is at most about 1. Of one
/// value or of several in the registers of a path: Registers has their type, Floats, that of as many Integers, and
/// rounds and reinterprets them. Additions and products in a fixed order, none of them fused: the same everywhere,
/// which the exponential function of the C library is not.
template <class Registers>
DATUS_HOST_DEVICE static typename Registers::Floats soft_weight(typename Registers::Floats cosine, float scale) {
  using Floats = typename Registers::Floats;
  using Integers = typename Registers::Integers;
  constexpr float smallest_exponent = -16.0F;
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F;  // of few bits: its products with small integers are exact
  constexpr float ln2_low = -2.12194440e-4F;
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding it leaves no bit behind the point
  constexpr float terms[] = {1.0F / 120.0F, 1.0F / 24.0F, 1.0F / 6.0F, 0.5F, 1.0F, 1.0F};
  const Floats exponent = (cosine - 1.0F) * scale;
  const Integers is_small = exponent < smallest_exponent;
  const Floats x = is_small ? Floats{} : exponent;
  const Floats n = (x * log2_e + round) - round;
  const Floats r = (x - n * ln2_high) - n * ln2_low;
  Floats sum = Floats{} + 1.0F / 720.0F;  // Taylor's series: |r| is at most half of ln 2
  for (const float term : terms) sum = sum * r + term;
  const Integers power = (Registers::integers_of(n) + 127) << 23;
  const Floats weight = sum * Registers::floats_of_bits(power);
  return is_small ? Floats{} : weight;
}

}  // namespace datus::affinity
