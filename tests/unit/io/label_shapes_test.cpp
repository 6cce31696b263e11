// SPDX-License-Identifier: Apache-2.0
#include "datus/io/label_polygons.hpp"
#include "datus/io/label_runs.hpp"
#include "support/filled_polygon.hpp"

#include <cstdint>
#include <random>
#include <vector>

// Runs and outlines of the labels of random maps, put together again.
namespace datus::test {
namespace label_shapes_test {

LabelMap random_map(std::mt19937& random, int height, int width, int labels) {
  LabelMap map(height, width);
  for (auto& label : map.labels) label = static_cast<std::int32_t>(random() % static_cast<unsigned>(labels + 1)) - 1;
  return map;
}

TEST(LabelShapes, RunsGiveTheMapAgain) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const LabelMap map = random_map(random, 1 + trial % 7, 1 + trial % 11, 1 + trial % 4);
    for (const PixelOrder order : {PixelOrder::by_row, PixelOrder::by_column}) {
      LabelMap found(map.height, map.width);
      for (const auto& [label, runs] : label_runs(map, order)) {
        std::int64_t at = 0;
        for (std::size_t i = 0; i < runs.size(); ++i) {
          EXPECT_TRUE(i == 0 || runs[i] > 0);
          for (std::int64_t end = at + runs[i]; at < end; ++at) {
            const auto place = order == PixelOrder::by_row ? at : at % map.height * map.width + at / map.height;
            if (i % 2 == 1) found.labels.at(static_cast<std::size_t>(place)) = label;
          }
        }
        EXPECT_EQ(at, std::ssize(map.labels));
      }
      EXPECT_EQ(found.labels, map.labels);
    }
  }
}

TEST(LabelShapes, PolygonsGiveTheMapAgain) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 300; ++trial) {
    const LabelMap map = random_map(random, 1 + trial % 9, 1 + trial % 13, 1 + trial % 3);
    LabelMap found(map.height, map.width);
    for (const LabelPolygon& polygon : label_polygons(map)) {
      std::vector<Point> corners;
      for (const Corner& corner : polygon.corners) {
        corners.push_back({static_cast<double>(corner.x), static_cast<double>(corner.y)});
      }
      fill_polygon(corners, polygon.label, found);
    }
    ASSERT_EQ(found.labels, map.labels) << "trial " << trial;
  }
}

TEST(LabelShapes, AnAreaIsOnePolygonOfItsCorners) {
  LabelMap map(3, 4, 5);
  const auto whole = label_polygons(map);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0].label, 5);
  EXPECT_EQ(whole[0].corners, (std::vector<Corner>{{0, 0}, {4, 0}, {4, 3}, {0, 3}}));
  // A hole in it, and pixels that touch by a corner.
  map.labels[5] = 1;
  EXPECT_EQ(label_polygons(map).size(), 2U);
  const LabelMap corners_touch = [] {
    LabelMap diagonal(2, 2, 0);
    diagonal.labels[1] = diagonal.labels[2] = no_label;
    return diagonal;
  }();
  EXPECT_EQ(label_polygons(corners_touch).size(), 2U);
  EXPECT_TRUE(label_polygons(LabelMap(3, 3)).empty());
}

/// What pycocotools 2.0 makes of these masks.
TEST(LabelShapes, CountsAreThoseOfPycocotools) {
  EXPECT_EQ(coco_counts(std::vector<std::int64_t>{6, 1, 40, 4, 5, 4, 5, 4, 21}), "61X13mN000`0");
  EXPECT_EQ(coco_counts(std::vector<std::int64_t>{0, 100}), "0T3");
}

}  // namespace label_shapes_test
}  // namespace datus::test
