// SPDX-License-Identifier: Apache-2.0
#include "datus/model/evaluation_crop.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace evaluation_crop_test {

/// A map whose labels are the indices of its pixels.
LabelMap indices(int height, int width) {
  LabelMap map(height, width);
  std::iota(map.labels.begin(), map.labels.end(), 0);
  return map;
}

// Of Pillow 13: Image.resize(size, NEAREST) and the crop of torchvision's CenterCrop, of such maps.
TEST(EvaluationCrop, EqualsPillow) {
  struct Case {
    int width;
    int height;
    std::vector<std::int32_t> corners;
    std::int64_t sum;
  };
  const std::vector<Case> cases = {
      {640, 480, {80, 559, 306640, 307119}, 15728588800},
      {480, 640, {38400, 38879, 268320, 268799}, 15728588800},
      {427, 640, {45689, 46115, 227591, 228017}, 14020989120},
      {1914, 1052, {2346, 3395, 2010132, 2011181}, 103092582400},
      {500, 333, {83, 416, 166083, 166416}, 8524748800},
      {2048, 1024, {2561, 3582, 2093569, 2094590}, 107376761280},
      {100, 77, {11, 88, 7611, 7688}, 394201280},
      {321, 320, {0, 319, 102399, 102718}, 5259161600},
      {334, 501, {28056, 28389, 138944, 139277}, 8567449600},
      {320, 640, {51200, 51519, 153280, 153599}, 10485708800},
  };
  for (const Case& expected : cases) {
    SCOPED_TRACE(std::to_string(expected.width) + " x " + std::to_string(expected.height));
    const LabelMap crop = evaluation_crop(indices(expected.height, expected.width));
    ASSERT_EQ(crop.height, 320);
    ASSERT_EQ(crop.width, 320);
    const auto at = [&](std::size_t row, std::size_t col) { return crop.labels[row * 320 + col]; };
    EXPECT_EQ((std::vector{at(0, 0), at(0, 319), at(319, 0), at(319, 319)}), expected.corners);
    EXPECT_EQ(std::accumulate(crop.labels.begin(), crop.labels.end(), std::int64_t{0}), expected.sum);
  }
}

TEST(EvaluationCrop, OfACropIsTheCrop) {
  const LabelMap map = indices(320, 320);
  EXPECT_EQ(evaluation_crop(map).labels, map.labels);
  EXPECT_EQ(evaluation_crop(LabelMap(1, 1, 5)).labels, LabelMap(320, 320, 5).labels);
}

}  // namespace evaluation_crop_test
}  // namespace datus::test
