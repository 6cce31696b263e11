// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/segments.hpp"

#include "datus/core/error.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace segments_test {

TEST(Segments, GoldenComponentsAndSegments) {
  const auto cases = test::read_json("golden/louvain/cases.json").at("cases");
  EXPECT_EQ(cases.size(), 24U);
  for (const auto& entry : cases) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const auto tensors = test::read_golden("golden/louvain/" + entry["file"].get<std::string>());
    const auto labels = tensors.at("labels").as<std::int32_t>();
    const GridSize grid{entry["height"], entry["width"]};
    const Segments components = find_segments(labels, grid, 0);
    const auto expected = tensors.at("components").as<std::int32_t>();
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), components.segment.begin(), components.segment.end()));
    EXPECT_EQ(components.sizes.size(), entry["components"].get<std::size_t>());
    const Segments segments = find_segments(labels, grid, 5);
    EXPECT_EQ(segments.segment, tensors.at("segments").as<std::int16_t>());
    EXPECT_EQ(segments.sizes.size(), entry["valid_segments"].get<std::size_t>());
    EXPECT_TRUE(std::equal(labels.begin(), labels.end(), segments.community.begin(), segments.community.end()));
  }
}

/// Brute force: lets every patch take the lowest patch index among its equal neighbours until nothing changes.
std::vector<int> components_by_spreading(const std::vector<std::int32_t>& labels, GridSize grid, int connectivity,
                                         const std::vector<std::uint8_t>& valid) {
  std::vector<int> lowest(labels.size());
  for (int i = 0; i < grid.patches(); ++i) lowest[static_cast<std::size_t>(i)] = i;
  bool changed = true;
  while (changed) {
    changed = false;
    for (int i = 0; i < grid.patches(); ++i) {
      for (int j = 0; j < grid.patches(); ++j) {
        const int rows = std::abs(i / grid.cols - j / grid.cols);
        const int cols = std::abs(i % grid.cols - j % grid.cols);
        const bool touch = connectivity == 8 ? std::max(rows, cols) <= 1 : rows + cols <= 1;
        const auto a = static_cast<std::size_t>(i);
        const auto b = static_cast<std::size_t>(j);
        if (!touch || valid[a] == 0 || valid[b] == 0 || labels[a] != labels[b] || lowest[b] >= lowest[a]) continue;
        lowest[a] = lowest[b];
        changed = true;
      }
    }
  }
  return lowest;
}

TEST(Segments, RandomGridsEqualBruteForce) {
  std::mt19937 generator(3);
  for (int round = 0; round < 120; ++round) {
    const GridSize grid{1 + static_cast<int>(generator() % 9), 1 + static_cast<int>(generator() % 9)};
    const auto patches = static_cast<std::size_t>(grid.patches());
    std::vector<std::int32_t> labels(patches);
    std::vector<std::uint8_t> valid(patches);
    for (auto& label : labels) label = static_cast<std::int32_t>(generator() % 3);
    for (auto& flag : valid) flag = generator() % 5 != 0 ? 1 : 0;
    const int connectivity = round % 2 == 0 ? 8 : 4;
    const int min_patches = static_cast<int>(generator() % 4);
    const auto lowest = components_by_spreading(labels, grid, connectivity, valid);
    std::map<int, std::vector<int>> members;  // by lowest patch, which is the raster order
    for (int i = 0; i < grid.patches(); ++i) {
      if (valid[static_cast<std::size_t>(i)] != 0) members[lowest[static_cast<std::size_t>(i)]].push_back(i);
    }
    const Segments segments = find_segments(labels, grid, min_patches, connectivity, valid);
    std::vector<std::int16_t> expected(patches, -1);
    std::size_t id = 0;
    for (const auto& [first, patch_list] : members) {
      if (static_cast<int>(patch_list.size()) <= min_patches) continue;
      ASSERT_LT(id, segments.sizes.size());
      EXPECT_EQ(segments.sizes[id], static_cast<std::int32_t>(patch_list.size()));
      const PatchBox box = segments.boxes[id];
      bool touched[4] = {};
      for (const int patch : patch_list) {
        expected[static_cast<std::size_t>(patch)] = static_cast<std::int16_t>(id);
        const int row = patch / grid.cols;
        const int col = patch % grid.cols;
        EXPECT_TRUE(row >= box.row && row < box.row + box.rows && col >= box.col && col < box.col + box.cols);
        touched[0] = touched[0] || row == box.row;
        touched[1] = touched[1] || row == box.row + box.rows - 1;
        touched[2] = touched[2] || col == box.col;
        touched[3] = touched[3] || col == box.col + box.cols - 1;
      }
      EXPECT_TRUE(touched[0] && touched[1] && touched[2] && touched[3]) << "the box is not tight";
      ++id;
    }
    EXPECT_EQ(id, segments.sizes.size());
    EXPECT_EQ(segments.segment, expected);
    for (std::size_t i = 0; i < patches; ++i) EXPECT_EQ(segments.community[i], valid[i] != 0 ? labels[i] : -1);
  }
}

TEST(Segments, DiagonalTouchCountsOnlyWithEight) {
  const std::vector<std::int32_t> labels{0, 1, 1, 0};
  EXPECT_EQ(find_segments(labels, {2, 2}, 0, 8).sizes, (std::vector<std::int32_t>{2, 2}));
  EXPECT_EQ(find_segments(labels, {2, 2}, 0, 4).sizes, (std::vector<std::int32_t>{1, 1, 1, 1}));
}

TEST(Segments, ValidMeansMoreThanTheMinimum) {
  const std::vector<std::int32_t> labels{0, 0, 0, 1, 1};
  EXPECT_EQ(find_segments(labels, {1, 5}, 2).segment, (std::vector<std::int16_t>{0, 0, 0, -1, -1}));
  EXPECT_EQ(find_segments(labels, {1, 5}, 3).segment, (std::vector<std::int16_t>(5, -1)));
}

TEST(Segments, EveryPatch) {
  const std::vector<std::uint8_t> valid{1, 0, 1, 1};
  const Segments segments = every_patch_a_segment({2, 2}, valid);
  EXPECT_EQ(segments.segment, (std::vector<std::int16_t>{0, -1, 1, 2}));
  EXPECT_EQ(segments.community, segments.segment);
  EXPECT_EQ(segments.sizes, (std::vector<std::int32_t>{1, 1, 1}));
  EXPECT_EQ(segments.boxes, (std::vector<PatchBox>{{0, 0, 1, 1}, {1, 0, 1, 1}, {1, 1, 1, 1}}));
  const Segments largest = every_patch_a_segment({7, 4681});
  EXPECT_EQ(largest.segment.back(), 32766);
}

TEST(Segments, RefusesWhatCannotBeMeant) {
  const std::vector<std::int32_t> labels{0, 0, 0, 32767};
  const std::vector<std::uint8_t> without_last{1, 1, 1, 0};
  const std::vector<std::uint8_t> short_mask{1};
  EXPECT_THROW(static_cast<void>(find_segments(labels, {2, 2}, 0)), InputError);
  EXPECT_EQ(find_segments(labels, {2, 2}, 0, 8, without_last).sizes, (std::vector<std::int32_t>{3}));
  EXPECT_THROW(static_cast<void>(find_segments(labels, {2, 3}, 0, 8)), InputError);
  EXPECT_THROW(static_cast<void>(find_segments(labels, {2, 2}, 0, 8, short_mask)), InputError);
  EXPECT_THROW(static_cast<void>(find_segments(labels, {2, 2}, 0, 6, without_last)), UsageError);
  EXPECT_THROW(static_cast<void>(find_segments(labels, {2, 2}, -1, 8, without_last)), UsageError);
  EXPECT_THROW(static_cast<void>(every_patch_a_segment({0, 5})), InputError);
  EXPECT_THROW(static_cast<void>(every_patch_a_segment({65536, 65536})), InputError);
}

}  // namespace segments_test
}  // namespace datus
