// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/pixel_classes.hpp"

#include "datus/algo/aligned_vector.hpp"
#include "datus/algo/class_groups.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace pixel_classes_test {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Values are few, so that there are ties within a group and between groups; the lanes of other clusterings, `before`
/// of them in front, are the largest.
void expect_largest(int classes, int before, SimdPath path) {
  constexpr int pixels = 200;
  std::mt19937 random(static_cast<unsigned>(classes));
  std::vector<float> values(static_cast<std::size_t>(pixels * classes));
  for (float& value : values) value = static_cast<float>(random() % 6) - 3.0F;
  std::vector<float> largest(pixels, -infinity);
  std::vector<std::int32_t> labels(pixels, no_label);
  for (int first = -before; first < classes; first += class_group_size) {
    const int begin = std::max(0, -first);
    const int end = std::min(class_group_size, classes - first);
    AlignedVector<float> lanes(static_cast<std::size_t>(pixels * class_group_size), infinity);
    for (int pixel = 0; pixel < pixels; ++pixel) {
      std::copy_n(values.begin() + pixel * classes + first + begin, end - begin,
                  lanes.begin() + pixel * class_group_size + begin);
    }
    keep_largest(lanes, {.begin = begin, .end = end, .first = first}, largest, labels, path);
  }
  EXPECT_EQ(labels, largest_classes(values, 10, 20, classes).labels) << classes << " " << before << " " << name(path);
  for (int pixel = 0; pixel < pixels; ++pixel) {
    const auto of_pixel = values.begin() + pixel * classes;
    ASSERT_EQ(largest[static_cast<std::size_t>(pixel)], *std::max_element(of_pixel, of_pixel + classes));
  }
}

TEST(PixelClasses, InGroupsAreTheLargestOfAll) {
  for (const SimdPath path : supported_simd_paths()) {
    for (const int classes : {1, 2, 7, 8, 9, 15, 16, 17, 40}) {
      for (const int before : {0, 1, 7, 8, 11, 15}) expect_largest(classes, before, path);
    }
  }
}

TEST(PixelClasses, SizesThatDoNotFitAreRefused) {
  const AlignedVector<float> lanes(2 * class_group_size);
  std::vector<float> largest(2);
  std::vector<std::int32_t> labels(2);
  const auto keep = [&](int begin, int end, std::size_t pixels, std::size_t labelled) {
    keep_largest(lanes, {.begin = begin, .end = end, .first = 0}, std::span(largest).first(pixels),
                 std::span(labels).first(labelled));
  };
  keep(0, 1, 2, 2);
  EXPECT_THROW(keep(0, 0, 2, 2), InputError);
  EXPECT_THROW(keep(3, 3, 2, 2), InputError);
  EXPECT_THROW(keep(-1, 2, 2, 2), InputError);
  EXPECT_THROW(keep(0, class_group_size + 1, 2, 2), InputError);
  EXPECT_THROW(keep(0, 1, 1, 2), InputError);
  EXPECT_THROW(keep(0, 1, 1, 1), InputError);
}

}  // namespace pixel_classes_test
}  // namespace datus
