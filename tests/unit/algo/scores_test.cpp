// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/scores.hpp"

#include "datus/core/error.hpp"
#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace scores_test {

/// A matrix from its counts [K, C], unassigned pixels [C] and void pixels.
ConfusionMatrix matrix_of(const CountMatrix& counts, const std::vector<std::int64_t>& unassigned, std::int64_t voids) {
  ConfusionMatrix matrix(static_cast<int>(counts.rows()), static_cast<int>(counts.cols()));
  const auto values = matrix.values();
  auto to = std::copy(counts.data(), counts.data() + counts.size(), values.begin());
  to = std::copy(unassigned.begin(), unassigned.end(), to);
  *to = voids;
  return matrix;
}

/// The matrix of a golden case; unassigned pixels are counted here from the label arrays.
ConfusionMatrix golden_matrix(const nlohmann::json& entry, const std::map<std::string, test::GoldenTensor>& golden) {
  const auto stored = golden.at("counts").as<std::int64_t>();
  const auto truth = golden.at("truth").as<std::uint8_t>();
  const auto prediction = golden.at("prediction").as<std::uint8_t>();
  std::vector<std::int64_t> unassigned(entry.at("classes").get<std::size_t>());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] != 255 && prediction[i] == 255) ++unassigned[truth[i]];
  }
  return matrix_of(Eigen::Map<const CountMatrix>(stored.data(), entry.at("clusters").get<Eigen::Index>(),
                                                 entry.at("classes").get<Eigen::Index>()),
                   unassigned, entry.at("void_pixels"));
}

void expect_golden(const Scores& scores, const nlohmann::json& entry,
                   const std::map<std::string, test::GoldenTensor>& golden, const std::string& protocol,
                   const std::string& pixels) {
  SCOPED_TRACE(protocol);
  const auto& expected = entry.at(protocol);
  const auto& partition = entry.at("clustering_scores").at(pixels);
  EXPECT_NEAR(scores.miou.value(), expected.at("miou").get<double>(), 1e-9);
  EXPECT_NEAR(scores.macro_f1.value(), expected.at("macro_f1").get<double>(), 1e-9);
  EXPECT_NEAR(scores.pixel_accuracy.value(), expected.at("pixel_accuracy").get<double>(), 1e-9);
  EXPECT_NEAR(scores.nmi.value(), partition.at("nmi").get<double>(), 1e-9);
  EXPECT_NEAR(scores.ari.value(), partition.at("ari").get<double>(), 1e-9);
  const auto expect_classes = [&](const std::vector<std::optional<double>>& values, const std::string& name) {
    const auto stored = golden.at(protocol + "." + name).as<double>();
    ASSERT_EQ(values.size(), stored.size());
    for (std::size_t label = 0; label < stored.size(); ++label) {
      ASSERT_EQ(values[label].has_value(), !std::isnan(stored[label])) << name << ' ' << label;
      if (!values[label]) continue;
      EXPECT_NEAR(*values[label], stored[label], 1e-9) << name << ' ' << label;
    }
  };
  expect_classes(scores.iou, "iou");
  expect_classes(scores.f1, "f1");
  const std::int64_t dropped = protocol == "strict" ? 0 : scores.unassigned + scores.unmatched;
  EXPECT_EQ(scores.total - scores.void_pixels - dropped, expected.at("pixels").get<std::int64_t>());
  EXPECT_EQ(scores.void_pixels, entry.at("void_pixels").get<std::int64_t>());
}

TEST(Scores, EqualTheGoldenCases) {
  const auto cases = test::read_json("golden/evaluation/cases.json").at("cases");
  EXPECT_EQ(cases.size(), 12U);
  for (const auto& entry : cases) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const auto golden = test::read_golden("golden/evaluation/" + entry.at("file").get<std::string>());
    const ConfusionMatrix matrix = golden_matrix(entry, golden);
    // Class scores depend on which of several optimal mappings is taken: then the golden one is given.
    const auto mapping = entry.at("mapping").get<std::vector<int>>();
    std::optional<std::span<const int>> given;
    if (!entry.at("mapping_unique").get<bool>()) given = mapping;
    const Scores strict = score(matrix, Protocol::strict, given);
    const Scores compat = score(matrix, Protocol::datus_compat, given);
    EXPECT_EQ(strict.mapping, mapping);
    EXPECT_EQ(compat.mapping, mapping);
    expect_golden(strict, entry, golden, "strict",
                  "strict (non-void pixels, 255 of the prediction is one more cluster)");
    expect_golden(compat, entry, golden, "datus_compat", "assigned (non-void pixels whose prediction is not 255)");
  }
}

// By hand: clusters 0 and 2 belong to class 0 (cluster 2 by the lower class of a tie), cluster 1 to class 1, cluster 3
// is empty. Class 2 has only unassigned pixels.
TEST(Scores, ManyToOneByHand) {
  const ConfusionMatrix matrix = matrix_of(CountMatrix{{6, 1, 0}, {2, 5, 0}, {3, 3, 0}, {0, 0, 0}}, {0, 1, 4}, 9);
  const Scores scores = score(matrix, Protocol::many_to_one);
  EXPECT_EQ(scores.mapping, (std::vector<int>{0, 1, 0, -1}));
  EXPECT_EQ(scores.total, 34);
  EXPECT_EQ(scores.void_pixels, 9);
  EXPECT_EQ(scores.unassigned, 5);
  EXPECT_EQ(scores.unmatched, 0);
  EXPECT_DOUBLE_EQ(scores.pixel_accuracy.value(), 14.0 / 25.0);
  EXPECT_DOUBLE_EQ(scores.iou[0].value(), 9.0 / 15.0);
  EXPECT_DOUBLE_EQ(scores.iou[1].value(), 5.0 / 12.0);
  EXPECT_DOUBLE_EQ(scores.iou[2].value(), 0.0);
  EXPECT_DOUBLE_EQ(scores.f1[0].value(), 18.0 / 24.0);
  EXPECT_DOUBLE_EQ(scores.miou.value(), (9.0 / 15.0 + 5.0 / 12.0) / 3.0);
  // Matching is one to one: a cluster with pixels is left without a class.
  EXPECT_EQ(score(matrix, Protocol::strict).mapping, (std::vector<int>{0, 1, 2, -1}));
}

TEST(Scores, GivenMappingIsUsedAsItIs) {
  const ConfusionMatrix matrix = matrix_of(CountMatrix{{8, 0}, {0, 8}, {1, 3}}, {0, 0}, 0);
  const std::vector<int> swapped{1, 0, -1};
  const Scores strict = score(matrix, Protocol::strict, swapped);
  EXPECT_EQ(strict.mapping, swapped);
  EXPECT_DOUBLE_EQ(strict.pixel_accuracy.value(), 0.0);
  EXPECT_EQ(strict.unmatched, 4);
  const std::vector<int> shared{0, 1, 1};
  EXPECT_DOUBLE_EQ(score(matrix, Protocol::datus_compat, shared).pixel_accuracy.value(), 19.0 / 20.0);
  EXPECT_EQ(score(matrix, Protocol::many_to_one, shared).mapping, shared);
  EXPECT_THROW((void)score(matrix, Protocol::strict, std::vector<int>{0, 1}), InputError);
  EXPECT_THROW((void)score(matrix, Protocol::strict, std::vector<int>{0, 1, 2}), InputError);
  EXPECT_THROW((void)score(matrix, Protocol::strict, std::vector<int>{0, 1, -2}), InputError);
}

TEST(Scores, ClassesThatOccurNowhereHaveNoScore) {
  const ConfusionMatrix matrix = matrix_of(CountMatrix{{4, 0, 0}, {1, 0, 0}}, {0, 0, 0}, 0);
  const Scores strict = score(matrix, Protocol::strict, std::vector<int>{0, 1});
  EXPECT_DOUBLE_EQ(strict.miou.value(), 0.8);  // class 1 is only predicted: IoU 0, in the mean of datus_compat alone
  EXPECT_DOUBLE_EQ(strict.iou[1].value(), 0.0);
  EXPECT_FALSE(strict.iou[2].has_value());
  EXPECT_FALSE(strict.f1[2].has_value());
  EXPECT_DOUBLE_EQ(score(matrix, Protocol::datus_compat, std::vector<int>{0, 1}).miou.value(), 0.4);
}

TEST(Scores, NothingToScoreIsNullNotNaN) {
  const ConfusionMatrix all_void = matrix_of(CountMatrix::Zero(2, 3), {0, 0, 0}, 50);
  for (const Protocol protocol : {Protocol::strict, Protocol::datus_compat, Protocol::many_to_one}) {
    const Scores scores = score(all_void, protocol);
    EXPECT_FALSE(scores.miou || scores.pixel_accuracy || scores.macro_f1 || scores.nmi || scores.ari);
    EXPECT_EQ(scores.iou, std::vector<std::optional<double>>(3));
    EXPECT_EQ(scores.total, 50);
  }
  const ConfusionMatrix all_unassigned = matrix_of(CountMatrix::Zero(2, 2), {5, 3}, 0);
  const Scores strict = score(all_unassigned, Protocol::strict);
  EXPECT_EQ(strict.pixel_accuracy, 0.0);
  EXPECT_EQ(strict.miou, 0.0);
  EXPECT_EQ(strict.nmi, 0.0);
  EXPECT_EQ(strict.ari, 0.0);
  EXPECT_EQ(strict.unassigned, 8);
  const Scores compat = score(all_unassigned, Protocol::datus_compat);
  EXPECT_FALSE(compat.miou || compat.pixel_accuracy || compat.macro_f1 || compat.nmi || compat.ari);
}

}  // namespace scores_test
}  // namespace datus
