// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/confusion.hpp"

#include "datus/core/error.hpp"
#include "support/golden.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace confusion_test {

LabelMap map_of(int height, int width, const std::vector<std::int32_t>& labels) {
  LabelMap map(height, width);
  map.labels = labels;
  return map;
}

std::vector<std::int64_t> values_of(const ConfusionMatrix& matrix) {
  return {matrix.values().begin(), matrix.values().end()};
}

void add(ConfusionMatrix& matrix, const LabelMap& prediction, const LabelMap& truth) {
  matrix.add(count_image(prediction, truth, matrix.clusters(), matrix.classes()));
}

TEST(ConfusionMatrix, CountsEveryKindOfPixel) {
  ConfusionMatrix matrix(3, 2);
  add(matrix, map_of(2, 4, {0, 0, 2, -1, -1, 1, 1, 0}), map_of(2, 4, {0, 1, 1, 1, -1, -1, 0, 0}));
  const CountMatrix expected{{2, 1}, {1, 0}, {0, 1}};
  EXPECT_EQ(matrix.counts(), expected);
  const CountMatrix unassigned{{0, 1}};
  EXPECT_EQ(matrix.unassigned(), unassigned);
  EXPECT_EQ(matrix.counts_and_unassigned().topRows(3), expected);
  EXPECT_EQ(matrix.counts_and_unassigned().bottomRows(1), unassigned);
  EXPECT_EQ(matrix.void_pixels(), 2);
  EXPECT_EQ(values_of(matrix), (std::vector<std::int64_t>{2, 1, 1, 0, 0, 1, 0, 1, 2}));
  add(matrix, map_of(1, 1, {-1}), map_of(1, 1, {0}));
  add(matrix, map_of(1, 1, {2}), map_of(1, 1, {1}));
  add(matrix, LabelMap(), LabelMap());
  EXPECT_EQ(matrix.unassigned()(0, 0), 1);
  EXPECT_EQ(matrix.counts()(2, 1), 2);
}

TEST(ConfusionMatrix, EqualsTheGoldenCounts) {
  const auto cases = test::read_json("golden/evaluation/cases.json").at("cases");
  for (const auto& entry : cases) {
    const std::string file = entry.at("file");
    SCOPED_TRACE(file);
    const auto golden = test::read_golden("golden/evaluation/" + file);
    const auto truth = golden.at("truth").as<std::uint8_t>();
    const auto prediction = golden.at("prediction").as<std::uint8_t>();
    const int height = entry.at("height");
    const int width = entry.at("width");
    ConfusionMatrix matrix(entry.at("clusters"), entry.at("classes"));
    std::size_t pixel = 0;
    for (int image = 0; image < entry.at("images"); ++image) {
      LabelMap truth_map(height, width);
      LabelMap prediction_map(height, width);
      for (std::size_t i = 0; i < truth_map.labels.size(); ++i, ++pixel) {
        truth_map.labels[i] = truth[pixel] == 255 ? -1 : truth[pixel];
        prediction_map.labels[i] = prediction[pixel] == 255 ? -1 : prediction[pixel];
      }
      add(matrix, prediction_map, truth_map);
    }
    const auto stored = golden.at("counts").as<std::int64_t>();
    EXPECT_EQ(matrix.counts(), Eigen::Map<const CountMatrix>(stored.data(), matrix.clusters(), matrix.classes()));
    EXPECT_EQ(matrix.void_pixels(), entry.at("void_pixels").get<std::int64_t>());
  }
}

// Two ranks add their flat values, in either order, and get the matrix of one rank that saw both images.
TEST(ConfusionMatrix, SumOfValuesIsTheMatrixOfAllImages) {
  const LabelMap prediction = map_of(1, 5, {0, 1, -1, 2, 2});
  const LabelMap truth = map_of(1, 5, {1, 1, 0, -1, 0});
  ConfusionMatrix all(3, 2);
  ConfusionMatrix first(3, 2);
  ConfusionMatrix second(3, 2);
  add(all, prediction, truth);
  add(all, prediction, map_of(1, 5, {0, 0, 0, 0, -1}));
  add(first, prediction, truth);
  add(second, prediction, map_of(1, 5, {0, 0, 0, 0, -1}));
  for (std::size_t i = 0; i < first.values().size(); ++i) first.values()[i] += second.values()[i];
  EXPECT_EQ(values_of(first), values_of(all));
}

TEST(ConfusionMatrix, RefusesLabelsThatItHasNoPlaceForAndAddsNothing) {
  EXPECT_THROW(ConfusionMatrix(0, 3), UsageError);
  EXPECT_THROW(ConfusionMatrix(3, 0), UsageError);
  ConfusionMatrix matrix(3, 2);
  EXPECT_THROW(matrix.add(count_image(map_of(1, 2, {0, 3}), map_of(1, 2, {0, 0}), 0, 0)), UsageError);
  EXPECT_THROW(matrix.add(count_image(map_of(1, 2, {0, 0}), map_of(1, 2, {0, 2}), 0, 0)), UsageError);
  EXPECT_EQ(values_of(matrix), std::vector<std::int64_t>(9, 0));
}

}  // namespace confusion_test
}  // namespace datus
