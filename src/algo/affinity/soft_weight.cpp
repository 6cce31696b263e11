// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/soft_weight.hpp"

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace datus::affinity {
namespace {

constexpr float smallest_exponent = -16.0F;

/// e^x for x in [smallest_exponent, about 1], to 2 units in the last place. Additions and products alone, none of them
/// fused, so that it is the same everywhere; that of the C library is not.
float exponential(float x) {
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F;  // of few bits: its products with small integers are exact
  constexpr float ln2_low = -2.12194440e-4F;
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding it leaves no bit behind the point
  const float n = (x * log2_e + round) - round;
  const float r = (x - n * ln2_high) - n * ln2_low;
  float sum = 1.0F / 720.0F;  // Taylor's series: |r| is at most half of ln 2
  for (const float term : {1.0F / 120.0F, 1.0F / 24.0F, 1.0F / 6.0F, 0.5F, 1.0F, 1.0F}) sum = sum * r + term;
  return sum * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

}  // namespace

float soft_weight(float affinity, float scale) {
  const float exponent = (affinity - 1.0F) * scale;
  return exponent < smallest_exponent ? 0.0F : exponential(exponent);
}

}  // namespace datus::affinity
