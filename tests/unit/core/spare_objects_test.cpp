// SPDX-License-Identifier: Apache-2.0
#include "datus/core/spare_objects.hpp"

#include "datus/core/parallel.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>

#include <gtest/gtest.h>

namespace datus::test {
namespace spare_objects_test {

TEST(SpareObjects, OneIsMadeOnlyWhereNoneIsLeft) {
  int made = 0;
  SpareObjects<std::unique_ptr<int>> objects([&] { return std::make_unique<int>(++made); });
  auto first = objects.take();
  auto second = objects.take();
  EXPECT_EQ(made, 2);
  const int* const kept = second.get();
  objects.give_back(std::move(second));
  EXPECT_EQ(objects.take().get(), kept);
  EXPECT_EQ(made, 2);
  EXPECT_EQ(*objects.take(), 3);
}

TEST(SpareObjects, NoTwoThreadsHaveTheSame) {
  std::atomic<int> made = 0;
  SpareObjects<std::unique_ptr<std::atomic<int>>> objects([&] {
    ++made;
    return std::make_unique<std::atomic<int>>(0);
  });
  parallel_for(2000, 4, [&](std::int64_t) {
    auto object = objects.take();
    if (++*object != 1) throw std::logic_error("shared");
    --*object;
    objects.give_back(std::move(object));
  });
  EXPECT_LE(made, 4);
}

}  // namespace spare_objects_test
}  // namespace datus::test
