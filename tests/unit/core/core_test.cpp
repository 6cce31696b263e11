// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/philox.hpp"
#include "datus/core/types.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace datus {
namespace core_test {

// Known answers of Random123's kat_vectors for philox4x32-10.
TEST(Philox, KnownAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// XXH3-128 of no bytes, from the algorithm's own documentation of test values.
TEST(Hash, EmptyInputAndSensitivity) {
  EXPECT_EQ(Hasher().finish().hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(Hasher().add("ab").add("c").finish(), Hasher().add("a").add("bc").finish());
}

TEST(CheckedCast, RefusesWhatDoesNotFit) {
  EXPECT_EQ(checked_cast<int>(std::int64_t{7}, "n"), 7);
  EXPECT_THROW((void)checked_cast<int>(std::int64_t{1} << 31U, "n"), SystemError);
  EXPECT_THROW((void)checked_cast<std::uint32_t>(-1, "n"), SystemError);
  EXPECT_THROW((void)checked_cast<std::int64_t>(~std::uint64_t{0}, "n"), SystemError);
}

TEST(Error, ReadsProblemWhyWhatToDo) {
  const InputError error("Cannot read a.png", "truncated", "Copy it again.");
  EXPECT_STREQ(error.what(), "Cannot read a.png (truncated) Copy it again.");
  EXPECT_EQ(error.exit_code(), ExitCode::bad_input);
}

}  // namespace core_test
}  // namespace datus
