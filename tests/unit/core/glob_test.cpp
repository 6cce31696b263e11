// SPDX-License-Identifier: Apache-2.0
#include "datus/core/glob.hpp"

#include "datus/core/error.hpp"

#include <random>
#include <string>
#include <vector>

#include <fnmatch.h>
#include <gtest/gtest.h>

namespace datus {
namespace glob_test {

using Texts = std::vector<std::string>;

TEST(Glob, WildcardsMatchWhatTheyStandFor) {
  const auto texts = [](const char* pattern, const char* path) { return Glob(pattern).match(path); };
  EXPECT_EQ(texts("a/*.jpg", "a/b.c.jpg"), (Texts{"b.c"}));
  EXPECT_EQ(texts("*_*.png", "a_b_c.png"), (Texts{"a_b", "c"}));
  EXPECT_EQ(texts("**/*.png", "x.png"), (Texts{"", "x"}));
  EXPECT_EQ(texts("**/*.png", "a/b/x.png"), (Texts{"a/b/", "x"}));
  EXPECT_EQ(texts("a/**/gt/*", "a/gt/x"), (Texts{"", "x"}));
  EXPECT_EQ(texts("a/**/gt/*", "a/b/gt/gt/x"), (Texts{"b/gt/", "x"}));
  EXPECT_EQ(texts("a/**", "a/b/x.png"), (Texts{"b/x.png"}));
  EXPECT_EQ(texts("[a-c]?[!0-9]", "büx"), (Texts{"b", "ü", "x"}));
  EXPECT_EQ(texts("[]]", "]"), (Texts{"]"}));
  EXPECT_EQ(texts("plain/name.png", "plain/name.png"), Texts());
  for (const auto& [pattern, path] : std::vector<std::pair<const char*, const char*>>{{"*.jpg", "a/b.jpg"},
                                                                                      {"*.jpg", "b.JPG"},
                                                                                      {"?", "/"},
                                                                                      {"a/**/b", "axb"},
                                                                                      {"**/b", "ab"},
                                                                                      {"[a-c]", "d"},
                                                                                      {"[!a]", "a"},
                                                                                      {"[!a]", "/"},
                                                                                      {"*",
                                                                                       ""
                                                                                       "a/"}}) {
    EXPECT_FALSE(texts(pattern, path)) << pattern << " " << path;
  }
}

// Without **, which it does not know, as the C library does.
TEST(Glob, MatchesAsTheCLibrary) {
  std::mt19937 random(1);
  const auto text = [&](const char* letters, int most) {
    std::string result;
    for (int n = static_cast<int>(random() % static_cast<unsigned>(most + 1)); n > 0; --n)
      result += letters[random() % std::string(letters).size()];
    return result;
  };
  int matches = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string pattern = text("ab/*?", 6);
    if (round % 3 == 0) pattern += "[!a]" + text("ab*", 2);
    if (round % 5 == 0) pattern = text("a*", 1) + "[a-b]" + pattern;
    if (pattern.find("**") != std::string::npos) continue;
    const std::string path = text("ab/c", 7);
    const bool expected = fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
    const Glob glob(pattern);
    const auto found = glob.match(path);
    ASSERT_EQ(found.has_value(), expected) << pattern << " " << path;
    if (!found) continue;
    ++matches;
    EXPECT_EQ(glob.filled(*found), path) << pattern;
    EXPECT_EQ(found->size(), glob.wildcards()) << pattern;
  }
  EXPECT_GT(matches, 300);
}

TEST(Glob, StemsAreWithoutTheEnding) {
  for (const auto& [pattern, stem] : std::vector<std::pair<const char*, const char*>>{{"a.b/*.c.png", "a.b/*.c"},
                                                                                      {"a.b/*", "a.b/*"},
                                                                                      {"*[.]x", "*[.]x"},
                                                                                      {"**/*.*", "**/*"},
                                                                                      {"[a]b.png", "[a]b"}}) {
    EXPECT_EQ(Glob(pattern).stem().text(), stem);
  }
}

TEST(Glob, ManyWildcardsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "*a";
  EXPECT_FALSE(Glob(pattern + "b").match(std::string(200, 'a')));
}

TEST(Glob, BracesAreAlternatives) {
  EXPECT_EQ(Glob::alternatives("a.{jpg,png}"), (Texts{"a.jpg", "a.png"}));
  EXPECT_EQ(Glob::alternatives("{a,b{1,2},}/{x,y}"), (Texts{"a/x", "a/y", "b1/x", "b1/y", "b2/x", "b2/y", "/x", "/y"}));
  EXPECT_EQ(Glob::alternatives("plain"), (Texts{"plain"}));
}

TEST(Glob, WhatIsNoPatternIsRefused) {
  for (const char* pattern : {"a**", "**a", "a/b**/c", "[a", "[]", "[ä]"}) {
    EXPECT_THROW((void)Glob(pattern), UsageError) << pattern;
  }
  for (const char* pattern : {"{a,b", "a}", "{a{b}", "}{"}) {
    EXPECT_THROW((void)Glob::alternatives(pattern), UsageError) << pattern;
  }
}

}  // namespace glob_test
}  // namespace datus
