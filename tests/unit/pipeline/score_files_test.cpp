// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/score_files.hpp"

#include "datus/core/error.hpp"
#include "support/temp_folder.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datus::test {
namespace score_files_test {

Scores some_scores(double miou) {
  Scores scores;
  scores.miou = miou;
  scores.pixel_accuracy = 1.0 / 3.0;
  scores.nmi = 0.1;
  scores.ari = -0.25;
  scores.fwiou = 0.3;
  scores.iou = {0.5, std::nullopt, 2.0 / 7.0};
  scores.precision = {0.75, std::nullopt, 1.0};
  scores.recall = {std::nullopt, 0.5, 1.0};
  scores.f1 = {std::nullopt, 1.0, 0.0};
  scores.mapping = {2, -1};
  scores.total = std::int64_t{1} << 40;
  scores.void_pixels = 3;
  scores.unassigned = 2;
  scores.unmatched = 1;
  return scores;
}

ProtocolScores some_result(const std::string& protocol, double miou) {
  ProtocolScores result;
  result.protocol = protocol;
  result.scores = some_scores(miou);
  result.boundary = {.precision = 0.5, .recall = std::nullopt, .f = std::nullopt};
  result.intervals.replicates = 100;
  result.intervals.images = 8;
  result.intervals.miou = {0.2, 0.3};
  result.intervals.fwiou = {0.25, 0.35};
  result.intervals.pixel_accuracy = {0.3, 1.0 / 3.0};
  result.intervals.nmi = {0.05, 0.15};
  result.intervals.ari = {-0.3, -0.2};
  result.counts = {1, 2, std::int64_t{1} << 41, 4, 5, 6};
  result.class_pixels = {5, 7, std::int64_t{1} << 42};
  result.provenance = {{"fitted_on", "8 images"}, {"matched_on", "8 images"}};
  return result;
}

Evaluation some_evaluation() {
  Evaluation evaluation;
  evaluation.k = 2;
  evaluation.classes = 3;
  evaluation.void_value = 254;
  evaluation.class_names = {"sea", "fish & <chips>", "\u00e9"};
  evaluation.protocols = {some_result("strict", 0.25), some_result("datus-compat", 0.75)};
  return evaluation;
}

void expect_equal(const Scores& found, const Scores& expected) {
  EXPECT_EQ(found.miou, expected.miou);
  EXPECT_EQ(found.pixel_accuracy, expected.pixel_accuracy);
  EXPECT_EQ(found.macro_f1, expected.macro_f1);
  EXPECT_EQ(found.nmi, expected.nmi);
  EXPECT_EQ(found.ari, expected.ari);
  EXPECT_EQ(found.fwiou, expected.fwiou);
  EXPECT_EQ(found.iou, expected.iou);
  EXPECT_EQ(found.precision, expected.precision);
  EXPECT_EQ(found.recall, expected.recall);
  EXPECT_EQ(found.f1, expected.f1);
  EXPECT_EQ(found.mapping, expected.mapping);
  EXPECT_EQ(found.total, expected.total);
  EXPECT_EQ(found.void_pixels, expected.void_pixels);
  EXPECT_EQ(found.unassigned, expected.unassigned);
  EXPECT_EQ(found.unmatched, expected.unmatched);
}

void expect_equal(const ProtocolScores& found, const ProtocolScores& expected) {
  EXPECT_EQ(found.protocol, expected.protocol);
  expect_equal(found.scores, expected.scores);
  EXPECT_EQ(found.boundary.precision, expected.boundary.precision);
  EXPECT_EQ(found.boundary.f, expected.boundary.f);
  EXPECT_EQ(found.intervals.replicates, expected.intervals.replicates);
  EXPECT_EQ(found.intervals.images, expected.intervals.images);
  EXPECT_EQ(found.intervals.miou, expected.intervals.miou);
  EXPECT_EQ(found.intervals.fwiou, expected.intervals.fwiou);
  EXPECT_EQ(found.intervals.pixel_accuracy, expected.intervals.pixel_accuracy);
  EXPECT_EQ(found.intervals.macro_f1, expected.intervals.macro_f1);
  EXPECT_EQ(found.intervals.nmi, expected.intervals.nmi);
  EXPECT_EQ(found.intervals.ari, expected.intervals.ari);
  EXPECT_EQ(found.counts, expected.counts);
  EXPECT_EQ(found.class_pixels, expected.class_pixels);
  EXPECT_EQ(found.provenance, expected.provenance);
}

TEST(ScoreFiles, ReadBackAsWrittenWithNullsAndOrder) {
  const TempFolder folder;
  const auto written = some_evaluation();
  write_scores(folder / "scores.json", written);
  const auto read = read_scores(folder / "scores.json");
  EXPECT_EQ(read.k, written.k);
  EXPECT_EQ(read.classes, written.classes);
  EXPECT_EQ(read.void_value, written.void_value);
  EXPECT_EQ(read.class_names, written.class_names);
  EXPECT_EQ(read.truth.of_class, written.protocols[0].class_pixels);
  EXPECT_EQ(read.truth.void_pixels, 3);
  ASSERT_EQ(read.protocols.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    expect_equal(read.protocols[i], written.protocols[i]);
  }
  const std::string bytes = bytes_of(folder / "scores.json");
  write_scores(folder / "again.json", read);
  EXPECT_EQ(bytes_of(folder / "again.json"), bytes);
}

TEST(ScoreFiles, HaveTheDocumentedForm) {
  const TempFolder folder;
  write_scores(folder / "scores.json", some_evaluation());
  const auto json = nlohmann::json::parse(bytes_of(folder / "scores.json"));
  const auto& strict = json.at("strict");
  EXPECT_EQ(strict.at("schema"), 1);
  EXPECT_TRUE(strict.at("macro_f1").is_null());
  EXPECT_TRUE(strict.at("iou").at(1).is_null());
  EXPECT_EQ(strict.at("counts"), (nlohmann::json{{1, 2, std::int64_t{1} << 41}, {4, 5, 6}}));
  EXPECT_EQ(strict.at("mapping"), (nlohmann::json{2, -1}));
  EXPECT_EQ(strict.at("pixels").at("total"), std::int64_t{1} << 40);
  EXPECT_EQ(strict.at("intervals").at("level"), 0.95);
  EXPECT_EQ(strict.at("intervals").at("miou"), (nlohmann::json{0.2, 0.3}));
  EXPECT_EQ(strict.at("intervals").at("ari"), (nlohmann::json{-0.3, -0.2}));
  EXPECT_TRUE(strict.at("intervals").at("macro_f1").is_null());
}

TEST(ScoreFiles, OfEarlierVersionsAreRead) {
  const TempFolder folder;
  auto json = nlohmann::ordered_json::parse(scores_text(some_evaluation()));
  for (auto& [protocol, result] : json.items()) {
    for (const char* name : {"fwiou", "precision", "recall", "intervals", "class_pixels", "boundary"})
      result.erase(name);
  }
  write_bytes(folder / "old.json", json.dump());
  const auto read = read_scores(folder / "old.json");
  EXPECT_EQ(read.protocols.at(0).scores.miou, 0.25);
  EXPECT_FALSE(read.protocols.at(0).scores.fwiou || read.protocols.at(0).intervals.miou);
  EXPECT_EQ(read_mapping(folder / "old.json", "strict", 2, 3), (std::vector<int>{2, -1}));
}

void expect_refusal(const std::function<void()>& body, const std::string& word) {
  try {
    body();
    ADD_FAILURE() << "nothing was refused";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
  }
}

TEST(ScoreFiles, OtherFilesAreRefusedByName) {
  const TempFolder folder;
  const auto path = folder / "bad.json";
  expect_refusal([&] { (void)read_scores(path); }, "bad.json");
  for (const char* text : {"", "[1]", "{\"strict\": {}}", "{\"strict\": {\"k\": \"two\"}}", "3"}) {
    write_bytes(path, text);
    SCOPED_TRACE(text);
    expect_refusal([&] { (void)read_scores(path); }, "bad.json");
  }
}

TEST(ScoreFiles, TheMappingOfAProtocolMustFit) {
  const TempFolder folder;
  const auto path = folder / "scores.json";
  auto evaluation = some_evaluation();
  evaluation.protocols[1].scores.mapping = {0, 1};
  write_scores(path, evaluation);
  EXPECT_EQ(read_mapping(path, "strict", 2, 3), (std::vector<int>{2, -1}));
  EXPECT_EQ(read_mapping(path, "datus-compat", 2, 3), (std::vector<int>{0, 1}));
  EXPECT_EQ(read_mapping(path, "many_to_one", 2, 3), (std::vector<int>{2, -1}));
  expect_refusal([&] { (void)read_mapping(path, "strict", 3, 3); }, "scores.json");
  expect_refusal([&] { (void)read_mapping(path, "strict", 2, 2); }, "scores.json");
  write_bytes(path, "{}");
  expect_refusal([&] { (void)read_mapping(path, "strict", 2, 3); }, "scores.json");
}

TEST(ScoreFiles, AMappingIsToTheSameClasses) {
  const TempFolder folder;
  const auto path = folder / "scores.json";
  using Names = std::vector<std::string>;
  const auto read = [&](int classes, const Names& names) { return read_mapping(path, "strict", 2, classes, names); };
  const auto refused = [&](int classes, const Names& names, const std::string& word) {
    expect_refusal([&] { (void)read(classes, names); }, word);
  };
  auto evaluation = some_evaluation();
  write_scores(path, evaluation);
  const std::vector<int> mapping = {2, -1};
  EXPECT_EQ(read(3, evaluation.class_names), mapping);
  EXPECT_EQ(read(3, {"0", "1", "2"}), mapping);  // numbers say how many there are, not what they are
  EXPECT_EQ(read(3, {}), mapping);
  refused(3, {"sea", "\u00e9", "fish & <chips>"}, "class 1 is fish & <chips> there");
  refused(4, {"sea", "fish & <chips>", "\u00e9", "sky"}, "3 classes, here are 2 and 4");
  refused(157, {}, "3 classes, here are 2 and 157");  // counted from values that are no classes of the mapping

  evaluation.class_names.clear();  // as files had it before, and where nobody knew the classes
  write_scores(path, evaluation);
  EXPECT_EQ(read(3, {"a", "b", "c"}), mapping);
  EXPECT_EQ(read(4, {}), mapping);
  refused(4, {"a", "b", "c", "d"}, "3 classes, here are 2 and 4");
}

TEST(ScoreTable, OneLineForEachProtocolInPercent) {
  const std::string table = score_table({some_evaluation()});
  EXPECT_NE(table.find("strict"), std::string::npos);
  EXPECT_NE(table.find("25.00"), std::string::npos);
  EXPECT_NE(table.find("75.00"), std::string::npos);
  EXPECT_NE(table.find("33.33"), std::string::npos);
  EXPECT_NE(table.find("(20.00-30.00)"), std::string::npos);
  EXPECT_EQ(table.find("nan"), std::string::npos);
}

}  // namespace score_files_test
}  // namespace datus::test
