// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"

#include <gtest/gtest.h>

namespace datus {
namespace {

TEST(Names, TheMaskHasTheStemOfItsImage) {
  EXPECT_EQ(stem_of("a/b.c.jpg"), "a/b.c");
  EXPECT_EQ(stem_of("a.b/c"), "a.b/c");
  EXPECT_EQ(stem_of("a/.hidden"), "a/.hidden");
  EXPECT_EQ(mask_name("a/b.c.jpg"), "a/b.c.png");
  EXPECT_EQ(mask_name("a.b/c"), "a.b/c.png");
}

TEST(Names, ZeroPaddedNumbersSort) {
  EXPECT_EQ(zero_padded(7, 3), "007");
  EXPECT_EQ(zero_padded(12345, 3), "12345");
}

}  // namespace
}  // namespace datus
