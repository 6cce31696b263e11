#include "datus/algo/confusion.hpp"

#include "datus/core/error.hpp"
#include "support/errors.hpp"
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

/// The text of the error that `add` throws.
std::string message_of(ConfusionMatrix& matrix, const LabelMap& prediction, const LabelMap& truth) {
  return test::error_if_any<InputError>([&] { matrix.add(prediction, truth); });
}

TEST(ConfusionMatrix, CountsEveryKindOfPixel) {
  ConfusionMatrix matrix(3, 2);
  matrix.add(map_of(2, 4, {0, 0, 2, -1, -1, 1, 1, 0}), map_of(2, 4, {0, 1, 1, 1, -1, -1, 0, 0}));
  const CountMatrix expected{{2, 1}, {1, 0}, {0, 1}};
  EXPECT_EQ(matrix.counts(), expected);
  const CountMatrix unassigned{{0, 1}};
  EXPECT_EQ(matrix.unassigned(), unassigned);
  EXPECT_EQ(matrix.counts_and_unassigned().topRows(3), expected);
  EXPECT_EQ(matrix.counts_and_unassigned().bottomRows(1), unassigned);
  EXPECT_EQ(matrix.void_pixels(), 2);
  EXPECT_EQ(values_of(matrix), (std::vector<std::int64_t>{2, 1, 1, 0, 0, 1, 0, 1, 2}));
  matrix.add(map_of(1, 1, {-1}), map_of(1, 1, {0}));
  matrix.add(map_of(1, 1, {2}), map_of(1, 1, {1}));
  matrix.add(LabelMap(), LabelMap());
  EXPECT_EQ(matrix.unassigned()(0, 0), 1);
  EXPECT_EQ(matrix.counts()(2, 1), 2);
}

TEST(ConfusionMatrix, GrownOnesAddUpToOneThatWasLargeFromTheStart) {
  const LabelMap first = map_of(2, 4, {0, 0, 1, -1, -1, 1, 1, 0});
  const LabelMap first_truth = map_of(2, 4, {0, 1, 1, 1, -1, -1, 0, 0});
  const LabelMap second = map_of(1, 5, {3, 2, -1, 0, 3});
  const LabelMap second_truth = map_of(1, 5, {2, 0, 2, -1, 2});
  ConfusionMatrix large(4, 3);
  large.add(first, first_truth);
  large.add(second, second_truth);
  ConfusionMatrix grown(2, 2);
  grown.add(first, first_truth);
  grown.grow(4, 3);
  EXPECT_EQ(grown.clusters(), 4);
  EXPECT_EQ(grown.classes(), 3);
  ConfusionMatrix other(4, 3);
  other.add(second, second_truth);
  grown += other;
  EXPECT_EQ(values_of(grown), values_of(large));
  EXPECT_EQ(grown.unassigned(), large.unassigned());
  EXPECT_EQ(grown.void_pixels(), 3);
  EXPECT_THROW(grown.grow(3, 3), UsageError);
  EXPECT_THROW(grown += ConfusionMatrix(2, 2), UsageError);
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
      matrix.add(prediction_map, truth_map);
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
  all.add(prediction, truth);
  all.add(prediction, map_of(1, 5, {0, 0, 0, 0, -1}));
  first.add(prediction, truth);
  second.add(prediction, map_of(1, 5, {0, 0, 0, 0, -1}));
  for (std::size_t i = 0; i < first.values().size(); ++i) first.values()[i] += second.values()[i];
  EXPECT_EQ(values_of(first), values_of(all));
}

TEST(ConfusionMatrix, RefusesWrongSizesAndLabelsAndAddsNothing) {
  EXPECT_THROW(ConfusionMatrix(0, 3), UsageError);
  EXPECT_THROW(ConfusionMatrix(3, 0), UsageError);
  ConfusionMatrix matrix(3, 2);
  const std::string sizes = message_of(matrix, LabelMap(2, 3, 0), LabelMap(3, 2, 0));
  EXPECT_NE(sizes.find("2 x 3"), std::string::npos) << sizes;
  EXPECT_NE(sizes.find("3 x 2"), std::string::npos) << sizes;
  const auto expect_text = [&](const LabelMap& prediction, const LabelMap& truth, const std::string& text) {
    const std::string message = message_of(matrix, prediction, truth);
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  const LabelMap zeros(2, 2, 0);
  expect_text(map_of(2, 2, {0, 0, 3, 0}), zeros, "cluster 3 in row 1, column 0");
  expect_text(map_of(2, 2, {0, -2, 0, 0}), zeros, "cluster -2 in row 0, column 1");
  expect_text(zeros, map_of(2, 2, {0, 0, 0, 2}), "class 2 in row 1, column 1");
  expect_text(zeros, map_of(2, 2, {255, 0, 0, 0}), "class 255 in row 0, column 0");
  EXPECT_EQ(values_of(matrix), std::vector<std::int64_t>(9, 0));
}

}  // namespace confusion_test
}  // namespace datus
