// SPDX-License-Identifier: Apache-2.0
#include "datus/core/half.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace half_test {

// Brute force over all halves: every finite one must survive the way to float and back, and every float halfway between
// two neighbours must go to the even one.
TEST(Half, RoundTripOfEveryValue) {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const half value{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(value);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(to_float(to_half(wide))));
      continue;
    }
    ASSERT_EQ(to_half(wide).bits, value.bits) << bits;
  }
}

TEST(Half, TiesGoToEven) {
  for (std::uint32_t bits = 0; bits < 0x7BFFU; ++bits) {
    const float low = to_float(half{static_cast<std::uint16_t>(bits)});
    const float high = to_float(half{static_cast<std::uint16_t>(bits + 1)});
    const float middle = (low + high) / 2;  // exact: one more bit than a half has
    const std::uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(to_half(middle).bits, even) << bits;
    ASSERT_EQ(to_half(std::nextafter(middle, 0.0F)).bits, bits) << bits;
    ASSERT_EQ(to_half(std::nextafter(middle, 1e9F)).bits, bits + 1) << bits;
    ASSERT_EQ(to_half(-middle).bits, even | 0x8000U) << bits;
  }
}

TEST(Half, LargeValuesBecomeInfinite) {
  EXPECT_EQ(to_half(65519.0F).bits, 0x7BFFU);
  EXPECT_EQ(to_half(65520.0F).bits, 0x7C00U);
  EXPECT_EQ(to_half(-1e30F).bits, 0xFC00U);
}

// Every half, and every float next to one, at each place of a span.
TEST(Half, KnowsWhatItKeepsExactly) {
  std::vector<float> values(19, -0.0F);
  std::vector<half> found(values.size());
  std::vector<half> expected(values.size());
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const float wide = to_float(half{static_cast<std::uint16_t>(bits)});
    for (const std::uint32_t change : {0U, 1U, 0x1000U}) {
      const std::size_t place = bits % values.size();
      values[place] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(wide) ^ change);
      const std::uint32_t back = std::bit_cast<std::uint32_t>(to_float(to_half(values[place])));
      ASSERT_EQ(to_half_exactly(values, found), back == std::bit_cast<std::uint32_t>(values[place])) << bits;
      to_half(values, expected);
      ASSERT_EQ(found, expected) << bits;
      values[place] = -0.0F;
    }
  }
}

}  // namespace half_test
}  // namespace datus
