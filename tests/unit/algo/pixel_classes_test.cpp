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

// Values are few, so that there are ties within a group and between groups; lanes without a class are the largest.
TEST(PixelClasses, InGroupsAreTheLargestOfAll) {
  constexpr int pixels = 200;
  for (const SimdPath path : supported_simd_paths()) {
    for (const int classes : {1, 2, 7, 8, 9, 15, 16, 17, 40}) {
      std::mt19937 random(static_cast<unsigned>(classes));
      std::vector<float> values(static_cast<std::size_t>(pixels * classes));
      for (float& value : values) value = static_cast<float>(random() % 6) - 3.0F;
      std::vector<float> largest(pixels, -infinity);
      std::vector<std::int32_t> labels(pixels, no_label);
      for (int first = 0; first < classes; first += class_group_size) {
        const int count = std::min(class_group_size, classes - first);
        AlignedVector<float> lanes(static_cast<std::size_t>(pixels * class_group_size), infinity);
        for (int pixel = 0; pixel < pixels; ++pixel) {
          std::copy_n(values.begin() + pixel * classes + first, count, lanes.begin() + pixel * class_group_size);
        }
        keep_largest(lanes, first, count, largest, labels, path);
      }
      EXPECT_EQ(labels, largest_classes(values, 10, 20, classes).labels) << classes << " " << name(path);
      for (int pixel = 0; pixel < pixels; ++pixel) {
        const auto of_pixel = values.begin() + pixel * classes;
        ASSERT_EQ(largest[static_cast<std::size_t>(pixel)], *std::max_element(of_pixel, of_pixel + classes));
      }
    }
  }
}

TEST(PixelClasses, SizesThatDoNotFitAreRefused) {
  const AlignedVector<float> lanes(2 * class_group_size);
  std::vector<float> largest(2);
  std::vector<std::int32_t> labels(2);
  EXPECT_THROW(keep_largest(lanes, 0, 0, largest, labels), InputError);
  EXPECT_THROW(keep_largest(lanes, 0, class_group_size + 1, largest, labels), InputError);
  EXPECT_THROW(keep_largest(lanes, 0, 1, std::span(largest).first(1), labels), InputError);
  EXPECT_THROW(keep_largest(lanes, 0, 1, std::span(largest).first(1), std::span(labels).first(1)), InputError);
}

}  // namespace pixel_classes_test
}  // namespace datus
