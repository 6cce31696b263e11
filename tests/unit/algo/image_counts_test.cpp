// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/image_counts.hpp"

#include "datus/core/error.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace image_counts_test {

LabelMap map_of(int height, int width, const std::vector<std::int32_t>& labels) {
  LabelMap map(height, width);
  map.labels = labels;
  return map;
}

ByteLabelMap in_bytes(const LabelMap& map) {
  ByteLabelMap bytes{map.height, map.width, {}};
  for (const std::int32_t label : map.labels) bytes.labels.push_back(static_cast<std::uint8_t>(label));
  return bytes;
}

TEST(ImageCounts, AreThoseOfEachPixel) {
  std::mt19937 generator(3);
  for (int i = 0; i < 50; ++i) {
    const int height = 1 + i % 9;
    const int width = 1 + i % 13;
    LabelMap prediction(height, width);
    LabelMap truth(height, width);
    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> expected;
    std::int64_t voids = 0;
    for (std::size_t p = 0; p < truth.labels.size(); ++p) {
      // Runs, for they are counted at once.
      const bool repeats = p > 0 && generator() % 3 != 0;
      prediction.labels[p] = repeats ? prediction.labels[p - 1] : static_cast<std::int32_t>(generator() % 6) - 1;
      truth.labels[p] = repeats ? truth.labels[p - 1] : static_cast<std::int32_t>(generator() % 4) - 1;
      if (truth.labels[p] == no_label) {
        ++voids;
      } else {
        ++expected[{prediction.labels[p], truth.labels[p]}];
      }
    }
    std::vector<CellCount> cells;
    for (const auto& [cell, pixels] : expected) cells.push_back({cell.first, cell.second, pixels});
    for (const int limit : {0, 5}) {
      const ImageCounts counts = count_image(prediction, truth, limit, limit);
      EXPECT_EQ(counts.cells, cells) << i;
      EXPECT_EQ(counts.void_pixels, voids) << i;
      BoundaryCounts boundary;
      boundary.add(prediction, truth);
      EXPECT_TRUE(std::ranges::equal(counts.boundary.values(), boundary.values())) << i;
      for (const Labels& other : {Labels(in_bytes(truth)), Labels(truth)}) {
        const ImageCounts of_bytes = count_image(in_bytes(prediction), other, limit, limit);
        EXPECT_EQ(of_bytes.cells, cells) << i;
        EXPECT_EQ(of_bytes.void_pixels, voids) << i;
        EXPECT_EQ(of_bytes.clusters, counts.clusters) << i;
        EXPECT_TRUE(std::ranges::equal(of_bytes.boundary.values(), boundary.values())) << i;
      }
    }
  }
  EXPECT_TRUE(count_image(LabelMap(), LabelMap(), 3, 3).cells.empty());
  EXPECT_EQ(count_image(map_of(1, 3, {4, 1, -1}), map_of(1, 3, {-1, 1, 0}), 0, 0).clusters, 5);
}

TEST(ImageCounts, WrongSizesAndLabelsAreRefused) {
  const auto message_of = [](const LabelMap& prediction, const LabelMap& truth) {
    const std::string wide = test::error_if_any<InputError>([&] { (void)count_image(prediction, truth, 3, 2); });
    const std::string narrow = test::error_if_any<InputError>(
        [&] { (void)count_image(Labels(in_bytes(prediction)), Labels(in_bytes(truth)), 3, 2); });
    // Bytes hold neither 255 nor what is below -1.
    const bool fits = std::ranges::all_of(prediction.labels, [](int label) { return label >= -1 && label < 255; });
    EXPECT_EQ(narrow, fits ? wide : narrow);
    return wide;
  };
  test::expect_mentions(message_of(LabelMap(2, 3, 0), LabelMap(3, 2, 0)), {"2 x 3", "3 x 2"});
  const LabelMap zeros(2, 2, 0);
  test::expect_part(message_of(map_of(2, 2, {0, 0, 3, 0}), zeros), "cluster 3 in row 1, column 0");
  test::expect_part(message_of(map_of(2, 2, {0, -2, 0, 0}), zeros), "cluster -2 in row 0, column 1");
  test::expect_part(message_of(zeros, map_of(2, 2, {0, 0, 0, 2})), "class 2 in row 1, column 1");
  test::expect_part(message_of(map_of(2, 2, {255, 0, 0, 0}), zeros), "cluster 255 in row 0, column 0");
  // Whatever number there may be of them, nothing is below -1.
  EXPECT_THROW((void)count_image(map_of(1, 1, {-2}), LabelMap(1, 1, 0), 0, 0), InputError);
}

}  // namespace image_counts_test
}  // namespace datus
