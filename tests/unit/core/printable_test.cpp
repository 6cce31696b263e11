// SPDX-License-Identifier: Apache-2.0
#include "datus/core/printable.hpp"

#include "datus/core/utf8.hpp"

#include <string>

#include <gtest/gtest.h>

namespace datus {
namespace printable_test {

TEST(PrintableLine, TextStays) {
  for (const char* text : {"", "reef 7.png", "Größe \\ \"quoted\"", "魚の群れ", "🐠", "e\u0301"}) {
    EXPECT_EQ(printable_line(text), text);
  }
}

TEST(PrintableLine, WhatATerminalObeysIsSpelled) {
  EXPECT_EQ(printable_line("a\nb\r\tc"), "a\\nb\\r\\tc");
  EXPECT_EQ(printable_line("\x1b[31mred\x1b]0;title\x07"), "\\x1b[31mred\\x1b]0;title\\x07");
  EXPECT_EQ(printable_line(std::string("a\0b\x7f", 4)), "a\\x00b\\x7f");
  // The one-byte form of ESC [ as UTF-8, and as a byte that is none.
  EXPECT_EQ(printable_line("\xc2\x9b"
                           "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable_line("\x9b"
                           "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable_line("\u202egnp.exe\u2066\u2028"), "\\u202egnp.exe\\u2066\\u2028");
  EXPECT_EQ(printable_line("a\xff\xc3"), "a\\xff\\xc3");
}

TEST(PrintableLine, EachByteGivesUtf8WithoutControls) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second), 'x'};
      const std::string line = printable_line(text);
      ASSERT_TRUE(is_utf8(line)) << first << " " << second;
      for (const char letter : line) {
        ASSERT_TRUE(static_cast<unsigned char>(letter) >= 0x20 && letter != 0x7F) << first << " " << second;
      }
    }
  }
}

TEST(PrintableLine, WhatIsTooLongIsCutAndCounted) {
  EXPECT_EQ(printable_line(std::string(30, 'a'), 10), std::string(10, 'a') + "... (20 bytes more)");
  EXPECT_EQ(printable_line(std::string(10, 'a'), 10), std::string(10, 'a'));
}

}  // namespace printable_test
}  // namespace datus
