#include "datus/core/half.hpp"

#include <bit>
#include <cmath>

#include <gtest/gtest.h>

namespace datus {
namespace {

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

}  // namespace
}  // namespace datus
