// SPDX-License-Identifier: Apache-2.0
#include "datus/core/text.hpp"

#include "support/temp_folder.hpp"

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace datus {
namespace {

namespace fs = std::filesystem;

TEST(SizeText, ThreeDigits) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1023), "1023 bytes");
  EXPECT_EQ(size_text(1024), "1.00 KiB");
  EXPECT_EQ(size_text(1536), "1.50 KiB");
  EXPECT_EQ(size_text(60'083'404), "57.3 MiB");
  EXPECT_EQ(size_text((std::int64_t{1} << 30) - 1), "1.00 GiB");
  EXPECT_EQ(size_text(std::int64_t{700} << 30), "700 GiB");
  EXPECT_EQ(size_text(std::int64_t{5000} << 40), "5000 TiB");
  EXPECT_EQ(size_text(std::numeric_limits<std::int64_t>::max()), "8388608 TiB");
}

TEST(SizeText, RoundedUpItIsNeverLessAndDownNeverMore) {
  constexpr std::int64_t mib = std::int64_t{1} << 20;
  EXPECT_EQ(size_text(2 * mib, Rounding::up), "2.00 MiB");
  EXPECT_EQ(size_text(2 * mib, Rounding::down), "2.00 MiB");
  EXPECT_EQ(size_text(2 * mib + 1), "2.00 MiB");
  EXPECT_EQ(size_text(2 * mib + 1, Rounding::up), "2.01 MiB");
  EXPECT_EQ(size_text(2 * mib - 1, Rounding::down), "1.99 MiB");
  EXPECT_EQ(size_text(57 * mib + 1, Rounding::up), "57.1 MiB");
  EXPECT_EQ(size_text(57 * mib - 1, Rounding::down), "56.9 MiB");
  EXPECT_EQ(size_text(700 * mib + 1, Rounding::up), "701 MiB");
  EXPECT_EQ(size_text(700 * mib - 1, Rounding::down), "699 MiB");
  EXPECT_EQ(size_text(1024 * mib - 1, Rounding::up), "1.00 GiB");
  EXPECT_EQ(size_text(1024 * mib - 1, Rounding::down), "0.99 GiB");
  EXPECT_EQ(size_text(1023, Rounding::up), "1023 bytes");
}

TEST(DimensionsText, HeightComesFirst) {
  EXPECT_EQ(dimensions_text(480, 640), "480 x 640");
}

TEST(Counted, OneIsNoPlural) {
  EXPECT_EQ(counted(0, "image"), "0 images");
  EXPECT_EQ(counted(1, "image"), "1 image");
  EXPECT_EQ(counted(5'000'000'000, "image"), "5000000000 images");
}

TEST(Pad, ToTheWidthOrByOneSpace) {
  EXPECT_EQ(pad_right("keys", 6), "keys  ");
  EXPECT_EQ(pad_left("keys", 6), "  keys");
  for (const std::size_t width : {0, 3, 4}) {
    EXPECT_EQ(pad_right("keys", width), "keys ");
    EXPECT_EQ(pad_left("keys", width), " keys");
  }
}

TEST(TextOfFile, AllBytesOfARegularFileOnly) {
  const test::TempFolder folder;
  const fs::path file = folder.path() / "a";
  EXPECT_EQ(text_of_file(file), std::nullopt);
  for (const std::string& text : {std::string(), std::string("a\n\0\r\n\xff", 6), std::string(100'000, 'x')}) {
    std::ofstream(file, std::ios::binary) << text;
    EXPECT_EQ(text_of_file(file), text);
  }
  EXPECT_EQ(text_of_file(folder.path()), std::nullopt);
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(text_of_file(pipe), std::nullopt);
  // The kernel's files have no size.
  EXPECT_EQ(text_of_file("/proc/sys/kernel/ostype"), "Linux\n");
}

TEST(Durations, TwoUnitsAtMost) {
  EXPECT_EQ(duration_text(0), "0 us");
  EXPECT_EQ(duration_text(0.0123), "12.3 ms");
  EXPECT_EQ(duration_text(12.34), "12.3 s");
  EXPECT_EQ(duration_text(250.2), "4 min 10 s");
  EXPECT_EQ(duration_text(12'000), "3 h 20 min");
  EXPECT_EQ(duration_text(187'200), "2 d 4 h");
}

}  // namespace
}  // namespace datus
