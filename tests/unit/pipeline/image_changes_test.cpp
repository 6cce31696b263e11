// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/image_changes.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace image_changes_test {

using Names = std::vector<std::string>;

/// Images of 10 bytes and 4 x 3 pixels; those whose names begin with "bad" have a header that cannot be read.
ImageList list_of(const Names& names) {
  ImageList list;
  for (const std::string& name : names) {
    const int pixels = name.starts_with("bad") ? 0 : 1;
    list.images.push_back({name, 10, 4 * pixels, 3 * pixels});
  }
  return list;
}

/// Every image whose header can be read was readable, but for those whose names begin with "half".
ImageChanges changes(const ImageList& frozen, const ImageList& current) {
  return changes_of(frozen, current, [&](std::int64_t image) {
    return !frozen.images[static_cast<std::size_t>(image)].name.starts_with("half");
  });
}

TEST(ImageChanges, OfTheSameListThereAreNone) {
  const ImageList list = list_of({"a", "bad", "half", "z"});
  EXPECT_FALSE(changes(list, list).any());
  EXPECT_EQ(changes(list, list).text(), "");
}

TEST(ImageChanges, WhatCouldNotBeReadIsNoLoss) {
  const ImageList frozen = list_of({"a", "bad1", "bad2", "half1", "half2", "z"});
  ImageList current = list_of({"a", "bad1", "half1", "z"});
  current.images[1].width = 4;
  current.images[2].bytes = 11;
  const ImageChanges found = changes(frozen, current);
  EXPECT_EQ(found.replaced, (Names{"bad1", "half1"}));
  EXPECT_EQ(found.gone, (Names{"bad2", "half2"}));
  EXPECT_EQ(found.with_results, 2);
  EXPECT_EQ(found.lost, 0);
  EXPECT_EQ(found.text(), "2 were replaced (bad1, …), 2 are gone (bad2, …)");
  // A list of wrong paths may be corrected as a whole.
  EXPECT_FALSE(changes(list_of({"bad1", "bad2", "half1"}), list_of({"x", "y"})).are_other_images());
}

TEST(ImageChanges, RewrittenOnesAreReplaced) {
  const ImageList list = list_of({"a", "b", "half", "z"});
  const ImageChanges found = changes_of(list, list, [](std::int64_t image) { return image != 2; }, {1, 2});
  EXPECT_EQ(found.replaced, (Names{"b", "half"}));
  EXPECT_EQ(found.lost, 1);
  EXPECT_EQ(found.first_lost, "b has other content");
  EXPECT_EQ(found.with_results, 3);
}

TEST(ImageChanges, NewOnesMayComeAnywhere) {
  const ImageChanges found = changes(list_of({"b", "d"}), list_of({"a", "b", "c", "d", "e"}));
  EXPECT_EQ(found.added, (Names{"a", "c", "e"}));
  EXPECT_FALSE(found.reordered);
  EXPECT_EQ(found.lost, 0);
  EXPECT_EQ(changes(list_of({"b"}), list_of({"a", "b"})).text(), "1 is new (a)");
}

TEST(ImageChanges, AnotherOrderIsSeen) {
  const ImageChanges found = changes(list_of({"a", "b", "c"}), list_of({"a", "c", "b"}));
  EXPECT_TRUE(found.any());
  EXPECT_EQ(found.lost, 0);
  EXPECT_EQ(found.text(), "their order is another");
}

TEST(ImageChanges, MostLostAreOtherImages) {
  const ImageList frozen = list_of({"a", "b", "c", "d", "bad"});
  ImageList current = list_of({"a", "b", "d", "bad"});
  current.images[1].bytes = 11;
  ImageChanges found = changes(frozen, current);
  EXPECT_EQ(found.with_results, 4);
  EXPECT_EQ(found.lost, 2);
  EXPECT_FALSE(found.are_other_images());
  EXPECT_EQ(found.first_lost, "b had 10 bytes and 4x3 pixels, has 11 bytes and 4x3 pixels");
  current.images[0].width = 5;
  found = changes(frozen, current);
  EXPECT_TRUE(found.are_other_images());
  EXPECT_EQ(found.first_lost, "a had 10 bytes and 4x3 pixels, has 10 bytes and 5x3 pixels");
  EXPECT_EQ(changes(frozen, list_of({"d", "e"})).first_lost, "a is no longer there");
}

}  // namespace image_changes_test
}  // namespace datus::test
