// SPDX-License-Identifier: Apache-2.0
#include "datus/io/dataset.hpp"
#include "support/temp_folder.hpp"

#include <array>

#include <gtest/gtest.h>

namespace datus::test {
namespace {

TEST(DatasetKeepOnly, LeavesTheseItemsInTheirOrder) {
  const TempFolder folder;
  for (const char* name : {"a.png", "b.png", "c.png"}) write_bytes(folder / name, "is not opened");
  DatasetOptions options;
  options.images = folder.path();
  const auto dataset = open_dataset(options);
  dataset->keep_only(std::array<std::int64_t, 2>{0, 2});
  ASSERT_EQ(dataset->items().size(), 2U);
  EXPECT_EQ(dataset->items()[0].name, "a.png");
  EXPECT_EQ(dataset->items()[1].name, "c.png");
  EXPECT_EQ(dataset->items()[1].image, folder / "c.png");
}

}  // namespace
}  // namespace datus::test
