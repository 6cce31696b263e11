// SPDX-License-Identifier: Apache-2.0
// Conversions of many values at once, which use what the CPU has for it: the same bits as one by one, and as arithmetic
// in double says.

#include "datus/core/half.hpp"
#include "datus/core/unfilled_vector.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace half_span_test {

/// The half nearest to `value` in double arithmetic: a multiple of its last binary digit, ties to even (the rounding
/// mode of a program that did not change it).
double nearest_half(float value) {
  if (std::isinf(value) || value == 0) return value;
  const int exponent = std::max(std::ilogb(value), -14);
  const double rounded =
      std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(value), 10 - exponent)), exponent - 10);
  return std::abs(rounded) > 65504 ? std::copysign(std::numeric_limits<double>::infinity(), rounded) : rounded;
}

/// Floats all over the range: every 4093rd bit pattern, which is a prime number, and the edges.
std::vector<float> many_floats() {
  std::vector<float> values;
  for (std::uint64_t bits = 0; bits <= 0xFFFFFFFFU; bits += 4093) {
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  for (const std::uint32_t edge : {0U, 0x33000000U, 0x33800000U, 0x38800000U, 0x477FE000U, 0x477FF000U, 0x47800000U,
                                   0x7F800000U, 0x7F800001U, 0x7FC00000U, 0x7FFFFFFFU}) {
    for (const std::uint32_t bits : {edge - 1, edge, edge + 1}) {
      values.push_back(std::bit_cast<float>(bits & 0x7FFFFFFFU));
      values.push_back(std::bit_cast<float>(bits | 0x80000000U));
    }
  }
  return values;
}

TEST(HalfSpan, RoundsAsDoubleArithmeticDoes) {
  const std::vector<float> values = many_floats();
  std::vector<half> halves(values.size());
  to_half(values, halves);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(values[i]);
    ASSERT_EQ(halves[i], to_half(values[i])) << std::hex << bits;
    ASSERT_EQ(halves[i].bits >> 15U, bits >> 31U) << std::hex << bits;
    if (std::isnan(values[i])) {
      ASSERT_EQ(halves[i].bits & 0x7FFFU, 0x7E00U) << std::hex << bits;
    } else {
      ASSERT_EQ(static_cast<double>(to_float(halves[i])), nearest_half(values[i])) << std::hex << bits;
    }
  }
}

TEST(HalfSpan, EveryLengthIsConvertedToItsEnd) {
  for (std::size_t length = 0; length < 40; ++length) {
    std::vector<float> values(length + 1);
    for (std::size_t i = 0; i <= length; ++i) values[i] = static_cast<float>(i) + 0.3F;
    std::vector<half> halves(length + 1, half{0x1234});
    // Not at the start of the memory either.
    to_half(std::span(values).subspan(1), std::span(halves).first(length));
    for (std::size_t i = 0; i < length; ++i) EXPECT_EQ(halves[i], to_half(values[i + 1]));
    EXPECT_EQ(halves[length].bits, 0x1234U) << "written past the end";
  }
}

TEST(HalfSpan, WidensEveryValueAsOneByOne) {
  std::vector<half> halves(0x10000);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i].bits = static_cast<std::uint16_t>(i);
  std::vector<float> values(halves.size());
  to_float(halves, values);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(to_float(halves[i]))) << i;
    const int exponent = static_cast<int>((i >> 10U) & 0x1FU);
    const auto mantissa = static_cast<double>(i & 0x3FFU);
    if (exponent == 31) continue;
    const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    ASSERT_EQ(static_cast<double>(values[i]), i < 0x8000 ? size : -size) << i;
  }
}

TEST(HalfSpan, FiniteIsWhatIsNeitherInfiniteNorNaN) {
  EXPECT_TRUE(all_finite({}));
  for (std::size_t i = 0; i < 0x10000; ++i) {
    const half value{static_cast<std::uint16_t>(i)};
    ASSERT_EQ(all_finite(std::span(&value, 1)), std::isfinite(to_float(value))) << i;
  }
  // Wherever it stands.
  UnfilledVector<half> values;
  values.resize(100);
  std::ranges::fill(values, half{0x7BFF});
  EXPECT_TRUE(all_finite(values));
  for (half& value : values) {
    value = half{0xFC00};
    EXPECT_FALSE(all_finite(values));
    value = half{0xFBFF};
  }
}

TEST(UnfilledVector, KeepsItsValuesAndBeginsAtACacheLine) {
  for (const std::size_t size : {std::size_t{3}, std::size_t{3} << 20}) {
    UnfilledVector<half> values(2, half{7});
    values.resize(size);
    values.back() = half{9};
    EXPECT_EQ(values[1], half{7});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.data()) % 64, 0U);
    values.insert(values.end(), 3, half{5});
    EXPECT_EQ(values[size - 1], half{9});
    EXPECT_EQ(values.back(), half{5});
    EXPECT_EQ(UnfilledVector<half>(values), values);
  }
}

}  // namespace half_span_test
}  // namespace datus
