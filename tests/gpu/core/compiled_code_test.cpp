// SPDX-License-Identifier: Apache-2.0
#include "core/cuda/compiled_code.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace datus::cuda {
namespace {

const std::vector<int> compiled = {75, 80, 90, 100};

/// Of the cards that there are, those that run the code.
std::string cards_of(std::string_view architectures) {
  std::string cards;
  for (const int card : {75, 80, 86, 89, 90, 100, 103, 120}) {
    for (const CompiledCode& code : compiled_code(architectures, compiled)) {
      if (!code.runs_on(card)) continue;
      cards += (cards.empty() ? "" : " ") + std::to_string(card);
      break;
    }
  }
  return cards;
}

std::string text(std::string_view architectures) {
  return text_of(compiled_code(architectures, compiled));
}

// By NVIDIA's rules of compatibility ("CUDA C++ Programming Guide", binary and PTX compatibility).
TEST(CompiledCode, RunsOnCards) {
  EXPECT_EQ(cards_of("80,90"), "80 86 89 90 100 103 120");
  EXPECT_EQ(cards_of("80-real"), "80 86 89");
  EXPECT_EQ(cards_of("86-real"), "86 89");
  EXPECT_EQ(cards_of("80-virtual"), "80 86 89 90 100 103 120");
  EXPECT_EQ(cards_of("80-real,90-virtual"), "80 86 89 90 100 103 120");
  EXPECT_EQ(cards_of("90,80-real"), "80 86 89 90 100 103 120");
  EXPECT_EQ(cards_of("80-real,90a"), "80 86 89 90");
  EXPECT_EQ(cards_of("100f-real"), "100 103");
  EXPECT_EQ(cards_of("100f"), "100 103");
  EXPECT_EQ(cards_of("native"), "75 80 86 89 90 100 103");
  EXPECT_EQ(cards_of("all"), "75 80 86 89 90 100 103 120");
  EXPECT_EQ(cards_of("all-major"), "75 80 86 89 90 100 103 120");
  // Flags of the user's: nvcc adds portable code unless it is told not to.
  EXPECT_EQ(cards_of(""), "75 80 86 89 90 100 103 120");
}

TEST(CompiledCode, IsNamed) {
  EXPECT_EQ(text("80,90"), "8.0, 9.0 and later cards");
  EXPECT_EQ(text("80-real,90-real"), "8.0 to 8.9, 9.0 to 9.9");
  EXPECT_EQ(text("80-real,80-virtual"), "8.0 and later cards");
  EXPECT_EQ(text("90a,80-real"), "8.0 to 8.9, 9.0 alone");
  EXPECT_EQ(text("90a-virtual,120"), "9.0 alone, 12.0 and later cards");
  EXPECT_EQ(text("100f"), "10.0 to 10.9");
  EXPECT_EQ(text("89-real"), "8.9");
}

TEST(CompiledCode, OfThisBuildIsThere) {
  EXPECT_FALSE(compiled_code().empty());
}

}  // namespace
}  // namespace datus::cuda
