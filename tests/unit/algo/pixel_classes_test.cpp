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

/// Pixels that have the values of the places of a row.
std::vector<Between> each_place(int places) {
  std::vector<Between> pixels;
  for (std::int32_t place = 0; place < places; ++place) pixels.push_back({place, place, 0});
  return pixels;
}

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
    keep_largest({.pixels = {each_place(pixels), pixels}, .above = lanes, .below = lanes},
                 {.begin = begin, .end = end, .first = first}, largest, labels, path);
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

// Pixels in any order, also some that lie between the same places as the one before.
TEST(PixelClasses, OfPixelsBetweenOthersAreThoseOfInterpolatedValues) {
  constexpr int places = 9;
  std::mt19937 random(4);
  const auto share = [&] { return static_cast<float>(random() % 5) / 4.0F; };
  AlignedVector<float> above(static_cast<std::size_t>(places * class_group_size));
  AlignedVector<float> below(above.size());
  for (auto* const row : {&above, &below}) {
    for (float& value : *row) value = std::uniform_real_distribution<float>(-1, 1)(random);
  }
  std::vector<Between> pixels;
  for (std::int32_t pixel = 0; pixel < 60; ++pixel) {
    const auto place = static_cast<std::int32_t>(pixel < 30 ? pixel / 4 : random() % places);
    pixels.push_back({place, pixel % 7 == 0 ? place : std::min(place + 1, places - 1), share()});
  }
  const PixelPlaces all(pixels, places);
  const auto mix = [](float a, float b, float of_b) { return a + of_b * (b - a); };
  for (const SimdPath path : supported_simd_paths()) {
    for (const float of_below : {0.0F, 0.3F, 1.0F}) {
      std::vector<float> largest(pixels.size(), 0.25F);
      std::vector<std::int32_t> labels(pixels.size(), no_label);
      keep_largest({.pixels = all, .above = above, .below = below, .share = of_below},
                   {.begin = 3, .end = 14, .first = 100}, largest, labels, path);
      for (std::size_t pixel = 0; pixel < pixels.size(); ++pixel) {
        float most = 0.25F;
        std::int32_t label = no_label;
        for (int lane = 3; lane < 14; ++lane) {
          const auto at = [&](std::int32_t place) {
            const auto i = static_cast<std::size_t>(place * class_group_size + lane);
            return mix(above[i], below[i], of_below);
          };
          const float value = mix(at(pixels[pixel].before), at(pixels[pixel].after), pixels[pixel].share);
          if (value > most) label = 100 + lane;
          most = std::max(most, value);
        }
        ASSERT_EQ(labels[pixel], label) << pixel << " " << name(path);
        ASSERT_EQ(largest[pixel], most) << pixel << " " << name(path);
      }
    }
  }
}

TEST(PixelClasses, SizesThatDoNotFitAreRefused) {
  const AlignedVector<float> lanes(2 * class_group_size);
  const PixelPlaces places(each_place(2), 2);
  std::vector<float> largest(2);
  std::vector<std::int32_t> labels(2);
  const auto keep = [&](int begin, int end, std::size_t pixels, std::size_t labelled) {
    keep_largest({.pixels = places, .above = lanes, .below = lanes}, {.begin = begin, .end = end, .first = 0},
                 std::span(largest).first(pixels), std::span(labels).first(labelled));
  };
  keep(0, 1, 2, 2);
  EXPECT_THROW(keep(0, 0, 2, 2), InputError);
  EXPECT_THROW(keep(3, 3, 2, 2), InputError);
  EXPECT_THROW(keep(-1, 2, 2, 2), InputError);
  EXPECT_THROW(keep(0, class_group_size + 1, 2, 2), InputError);
  EXPECT_THROW(keep(0, 1, 1, 2), InputError);
  EXPECT_THROW(keep(0, 1, 1, 1), InputError);
  EXPECT_THROW(PixelPlaces({{0, 1, 0.5F}, {1, 2, 0.5F}}, 2), InputError);
  EXPECT_THROW(PixelPlaces({{-1, 0, 0.5F}}, 2), InputError);
}

}  // namespace pixel_classes_test
}  // namespace datus
