// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/mask_file.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

// `datus evaluate` on folders of PNG files against the golden counts, mappings and scores.
namespace datus::test {
namespace evaluate_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class EvaluateCommand : public testing::Test {
 protected:
  /// Writes image i of a case as NAME.png; NAME has a folder for odd i.
  void write_case(const Json& facts, const std::map<std::string, GoldenTensor>& tensors) const {
    const int height = facts["height"];
    const int width = facts["width"];
    const auto pixels = static_cast<std::size_t>(height * width);
    const auto truth = tensors.at("truth").as<std::uint8_t>();
    const auto prediction = tensors.at("prediction").as<std::uint8_t>();
    for (std::size_t i = 0; i * pixels < truth.size(); ++i) {
      const std::string name = (i % 2 == 1 ? "odd/" : "") + std::to_string(i) + ".png";
      LabelMap labels(height, width);
      for (std::size_t p = 0; p < pixels; ++p) {
        const int value = prediction[i * pixels + p];
        labels.labels[p] = value == 255 ? no_label : value;
      }
      write_prediction(name, labels, facts["clusters"]);
      fs::create_directories((truth_folder() / name).parent_path());
      write_palette_png(truth_folder() / name, std::span(truth).subspan(i * pixels, pixels), height, width, {});
    }
  }
  void write_prediction(const std::string& name, const LabelMap& labels, int clusters) const {
    fs::create_directories((prediction_folder() / name).parent_path());
    write_mask(prediction_folder() / name, labels, clusters, distinct_palette(8));
  }
  void write_truth(const std::string& name, const std::vector<std::uint8_t>& values, int height, int width) const {
    fs::create_directories(truth_folder());
    write_palette_png(truth_folder() / name, values, height, width, {});
  }

  [[nodiscard]] Outcome evaluate(const Arguments& more, const Launch& launch = {}) const {
    Arguments arguments = {
        "evaluate", "--predictions",       prediction_folder().string(), "--truth", truth_folder().string(),
        "--json",   scores_file().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, launch);
  }
  [[nodiscard]] Json scores() const { return Json::parse(bytes_of(scores_file())); }

  [[nodiscard]] fs::path prediction_folder() const { return folder_ / "predictions"; }
  [[nodiscard]] fs::path truth_folder() const { return folder_ / "truth"; }
  [[nodiscard]] fs::path scores_file() const { return folder_ / "scores.json"; }
  void clear() const {
    for (const auto& path : {prediction_folder(), truth_folder(), scores_file()}) fs::remove_all(path);
  }

 private:
  TempFolder folder_;
};

void expect_near(const Json& found, double expected, const std::string& what) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(found.is_null()) << what << " is " << found;
  } else {
    ASSERT_TRUE(found.is_number()) << what << " is " << found;
    EXPECT_NEAR(found.get<double>(), expected, 1e-9) << what;
  }
}

void expect_counts(const Json& scores, const Json& facts, const GoldenTensor& counts) {
  EXPECT_EQ(scores["schema"], 1);
  EXPECT_EQ(scores["k"], facts["clusters"]);
  EXPECT_EQ(scores["classes"], facts["classes"]);
  EXPECT_EQ(scores["void"], 255);
  std::vector<std::int64_t> flat;
  for (const auto& row : scores["counts"]) {
    for (const auto& count : row) flat.push_back(count);
  }
  EXPECT_EQ(flat, counts.as<std::int64_t>());
  const std::int64_t all =
      facts["images"].get<std::int64_t>() * facts["height"].get<std::int64_t>() * facts["width"].get<std::int64_t>();
  EXPECT_EQ(scores["pixels"]["total"], all);
  EXPECT_EQ(scores["pixels"]["void"], facts["void_pixels"]);
}

void expect_scores(const Json& scores, const Json& facts, const std::map<std::string, GoldenTensor>& tensors,
                   const std::string& golden_name, const Json& clustering) {
  SCOPED_TRACE(golden_name);
  for (const char* name : {"miou", "macro_f1", "pixel_accuracy"}) {
    expect_near(scores[name], facts[golden_name][name], name);
  }
  for (const char* name : {"nmi", "ari"}) expect_near(scores[name], clustering[name], name);
  for (const char* name : {"iou", "f1"}) {
    const auto expected = tensors.at(golden_name + "." + name).as<double>();
    ASSERT_EQ(scores[name].size(), expected.size());
    for (std::size_t c = 0; c < expected.size(); ++c) {
      expect_near(scores[name][c], expected[c], std::string(name) + " of class " + std::to_string(c));
    }
  }
}

TEST_F(EvaluateCommand, GoldenCases) {
  const auto golden = read_json("golden/evaluation/cases.json");
  int number = 0;
  for (const auto& facts : golden["cases"]) {
    SCOPED_TRACE(facts["name"].get<std::string>());
    const auto tensors = read_golden("golden/evaluation/" + facts["file"].get<std::string>());
    clear();
    write_case(facts, tensors);
    const Outcome outcome = evaluate({"--classes", std::to_string(facts["classes"].get<int>()), "--clusters",
                                      std::to_string(facts["clusters"].get<int>())},
                                     {.ranks = ++number % 6 == 1 ? 2 : 0});
    ASSERT_EQ(outcome.code, 0) << outcome;
    const Json all = scores();
    const Json& strict = all["strict"];
    const Json& compat = all["datus-compat"];
    expect_counts(strict, facts, tensors.at("counts"));
    expect_counts(compat, facts, tensors.at("counts"));

    std::int64_t agreement = 0;
    for (std::size_t k = 0; k < strict["mapping"].size(); ++k) {
      const int matched = strict["mapping"][k];
      if (matched >= 0) agreement += strict["counts"][k][static_cast<std::size_t>(matched)].get<std::int64_t>();
    }
    EXPECT_EQ(agreement, facts["agreement"].get<std::int64_t>());
    if (!facts["mapping_unique"].get<bool>()) continue;
    EXPECT_EQ(strict["mapping"], facts["mapping"]);
    EXPECT_EQ(compat["mapping"], facts["mapping"]);
    const auto& clustering = facts["clustering_scores"];
    expect_scores(strict, facts, tensors, "strict",
                  clustering["strict (non-void pixels, 255 of the prediction is one more cluster)"]);
    expect_scores(compat, facts, tensors, "datus_compat",
                  clustering["assigned (non-void pixels whose prediction is not 255)"]);
  }
  EXPECT_EQ(number, 12);
}

// 300 clusters make 16-bit masks; the numbers of clusters and classes are those of the files; void is 9 here.
TEST_F(EvaluateCommand, ManyClustersAndAnotherVoid) {
  LabelMap labels(2, 3);
  labels.labels = {299, 299, 0, no_label, 299, 1};
  write_prediction("a.png", labels, 300);
  write_truth("a.png", {0, 0, 9, 1, 1, 1}, 2, 3);
  const Outcome outcome = evaluate({"--void", "9", "--protocol", "many_to_one"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const Json all = scores();
  ASSERT_EQ(all.size(), 1U);
  const Json& result = all["many_to_one"];
  EXPECT_EQ(result["k"], 300);
  EXPECT_EQ(result["classes"], 2);
  EXPECT_EQ(result["pixels"]["void"], 1);
  EXPECT_EQ(result["pixels"]["unassigned"], 1);
  EXPECT_EQ(result["mapping"][299], 0);
  EXPECT_EQ(result["mapping"][1], 1);
  EXPECT_EQ(result["mapping"][0], -1);
  EXPECT_NEAR(result["pixel_accuracy"].get<double>(), 3.0 / 5.0, 1e-12);
}

// Nobody says how many clusters and classes there are: each rank sees labels that the others do not have.
TEST_F(EvaluateCommand, TheLargestLabelsOfAllRanksCount) {
  const auto write_pair = [&](const std::string& name, const std::vector<std::int32_t>& prediction,
                              const std::vector<std::uint8_t>& truth) {
    LabelMap labels(1, static_cast<int>(prediction.size()));
    labels.labels = prediction;
    write_prediction(name, labels, 6);
    write_truth(name, truth, 1, static_cast<int>(truth.size()));
  };
  write_pair("a.png", {0, 1, no_label}, {0, 0, 3});
  write_pair("b.png", {4, 0}, {1, 255});
  write_pair("c.png", {2, 2, no_label, 1}, {6, 6, 1, 0});
  for (const int ranks : {0, 2, 3}) {
    SCOPED_TRACE(ranks);
    const Outcome outcome = evaluate({}, {.ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    const Json strict = scores()["strict"];
    EXPECT_EQ(strict["k"], 5);
    EXPECT_EQ(strict["classes"], 7);
    Json counts(5, Json(7, 0));
    counts[0][0] = 1;
    counts[1][0] = 2;
    counts[2][6] = 2;
    counts[4][1] = 1;
    EXPECT_EQ(strict["counts"], counts);
    EXPECT_EQ(strict["pixels"], (Json{{"total", 9}, {"void", 1}, {"unassigned", 2}, {"unmatched", 0}}));
  }
}

// Two clusters, two classes; the right third of an image of 320 x 480 pixels is outside of the crop.
TEST_F(EvaluateCommand, StegoIsOfItsCropAndOfAsManyClustersAsClasses) {
  LabelMap labels(320, 480, 0);
  std::vector<std::uint8_t> truth(labels.labels.size(), 0);
  for (std::size_t p = 0; p < truth.size(); ++p) {
    labels.labels[p] = p % 480 < 240 ? 0 : 1;
    truth[p] = p % 480 < 240 || p % 480 >= 400 ? 0 : 1;
  }
  write_prediction("a.png", labels, 2);
  write_truth("a.png", truth, 320, 480);
  const Outcome outcome = evaluate({"--protocol", "strict,stego-crop"}, {.ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NEAR(scores()["strict"]["pixel_accuracy"].get<double>(), 400.0 / 480.0, 1e-12);
  EXPECT_EQ(scores()["stego-crop"]["pixel_accuracy"], 1.0);
  EXPECT_EQ(scores()["stego-crop"]["pixels"]["total"], 320 * 320);
  EXPECT_EQ(scores()["stego-crop"]["provenance"]["pixels"], "shorter side 320, centre crop");
  fs::remove(scores_file());
  expect_refusal(evaluate({"--protocol", "stego"}), 3, {"a.png", "320 x 480", "stego-crop"});
  expect_refusal(evaluate({"--protocol", "stego-crop", "--clusters", "3"}), 2, {"stego-crop", "3 and 2"});
  expect_refusal(evaluate({"--protocol", "over-clustering"}, {.ranks = 2}), 2, {"over-clustering", "2 and 2"});
  EXPECT_FALSE(fs::exists(scores_file()));
}

TEST_F(EvaluateCommand, AGivenMappingIsUsedAsItIs) {
  LabelMap labels(1, 4);
  labels.labels = {0, 0, 1, 1};
  write_prediction("a.png", labels, 2);
  write_truth("a.png", {0, 0, 1, 1}, 1, 4);
  ASSERT_EQ(evaluate({"--classes", "2"}).code, 0);
  EXPECT_EQ(scores()["strict"]["mapping"], (Json{0, 1}));
  const Outcome piped = run_program({"evaluate", "--predictions", prediction_folder().string(), "--truth",
                                     truth_folder().string(), "--classes", "2", "--json", "-"});
  ASSERT_EQ(piped.code, 0) << piped;
  EXPECT_EQ(Json::parse(piped.out), scores()) << "standard output holds more than the scores";
  EXPECT_NE(piped.err.find("strict"), std::string::npos) << piped;
  Json fitted = scores();
  for (auto& [protocol, result] : fitted.items()) result["mapping"] = {1, 0};
  const fs::path mapping = scores_file().parent_path() / "fitted.json";
  write_bytes(mapping, fitted.dump());
  const Outcome outcome = evaluate({"--classes", "2", "--mapping", mapping.string()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(scores()["strict"]["mapping"], (Json{1, 0}));
  EXPECT_EQ(scores()["strict"]["pixel_accuracy"], 0.0);
  EXPECT_EQ(scores()["strict"]["provenance"]["matched_on"], "a given mapping");
  write_bytes(mapping, R"({"strict": 3})");
  expect_refusal(evaluate({"--mapping", mapping.string()}), 3, {"fitted.json"});
}

// Values 0, 156, 157 and 181 of COCO-Stuff's maps are the classes 9, 23, 20 and 24 of 27; 91 is a blanket's textile.
TEST_F(EvaluateCommand, TheTruthIsReadAsItsKindStoresIt) {
  LabelMap labels(1, 5);
  labels.labels = {0, 1, 0, 2, no_label};
  write_prediction("a.png", labels, 3);
  write_truth("a.png", {0, 156, 0, 255, 181}, 1, 5);
  const auto map = read_json("../../configs/protocols/coco_stuff_27.json");
  const auto coarse = [&](std::size_t value) { return map["fine_to_coarse"][value].get<int>(); };
  const Arguments kind = {"--set", "dataset.kind=coco_stuff"};
  for (const Arguments& more : {Arguments{}, {"--set", "dataset.label_map=coco_stuff_27"}}) {
    Arguments arguments = kind;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = evaluate(arguments);
    ASSERT_EQ(outcome.code, 0) << outcome;
    const Json strict = scores()["strict"];
    EXPECT_EQ(strict["classes"], 27);
    EXPECT_EQ(strict["class_names"], map["classes"]);
    EXPECT_EQ(strict["mapping"][0], coarse(0));
    EXPECT_EQ(strict["mapping"][1], coarse(156));
    EXPECT_EQ(strict["pixels"]["void"], 1);
    EXPECT_EQ(strict["pixels"]["unassigned"], 1);
  }
  ASSERT_EQ(evaluate({"--set", "dataset.kind=coco_stuff", "--set", "dataset.label_map=coco_stuff_15"}).code, 0);
  EXPECT_EQ(scores()["strict"]["classes"], 15);
  EXPECT_EQ(scores()["strict"]["pixels"]["void"], 3);  // things are no stuff

  // A mapping to the 15 classes means others here, and one to the 27 is none for 182 raw values.
  const fs::path fifteen = scores_file().parent_path() / "fifteen.json";
  fs::rename(scores_file(), fifteen);
  expect_refusal(evaluate({"--set", "dataset.kind=coco_stuff", "--mapping", fifteen.string()}), 3,
                 {"fifteen.json", "15 classes, here are 3 and 27"});
  expect_refusal(evaluate({"--mapping", fifteen.string()}), 3, {"fifteen.json", "15 classes, here are 3 and 182"});
  fs::remove(fifteen);
}

TEST_F(EvaluateCommand, WhatHasGroundTruthAndIsListedCounts) {
  for (const char* name : {"a.png", "b.png", "c.png"}) {
    write_prediction(name, LabelMap(2, 3, 0), 2);
    write_truth(name, {0, 0, 0, 1, 1, 1}, 2, 3);
  }
  const auto total = [&] { return scores()["strict"]["pixels"]["total"]; };
  ASSERT_EQ(evaluate({}).code, 0);
  EXPECT_EQ(total(), 18);
  const fs::path list = scores_file().parent_path() / "list.txt";
  write_bytes(list, "images/../b.jpg\n");
  fs::remove(prediction_folder() / "a.png");
  const Outcome listed = evaluate({"--list", list.string()}, {.ranks = 2});
  ASSERT_EQ(listed.code, 0) << listed;
  EXPECT_EQ(total(), 6);
  fs::remove(truth_folder() / "a.png");
  fs::remove(truth_folder() / "c.png");
  const Outcome partial = evaluate({}, {.ranks = 2});
  ASSERT_EQ(partial.code, 0) << partial;
  EXPECT_EQ(total(), 6);
  EXPECT_EQ(scores()["strict"]["provenance"]["images"], "1");
  EXPECT_NE(partial.err.find("ground truth for 1 of 2 images"), std::string::npos) << partial;
  EXPECT_NE(partial.err.find("c.png"), std::string::npos) << partial;
}

// Binary masks, whose foreground is the usual value of void: all predictions were right.
TEST_F(EvaluateCommand, GroundTruthThatSaysLittleIsWarnedOf) {
  write_prediction("a.png", LabelMap(1, 4, 0), 2);
  write_truth("a.png", {0, 255, 255, 0}, 1, 4);
  const Outcome one = evaluate({});
  ASSERT_EQ(one.code, 0) << one;
  EXPECT_EQ(scores()["strict"]["miou"], 1.0);
  EXPECT_NE(one.out.find("ground truth: 1 of 1 class (0), 50.0 % void"), std::string::npos) << one;
  EXPECT_NE(one.err.find("warning: The ground truth has one class only"), std::string::npos) << one;
  const fs::path map = scores_file().parent_path() / "map.json";
  write_bytes(map, R"({"0": 0, "255": 1})");
  const Outcome two = evaluate({"--set", "dataset.label_map=" + map.string()});
  ASSERT_EQ(two.code, 0) << two;
  EXPECT_EQ(scores()["strict"]["pixel_accuracy"], 0.5);
  EXPECT_EQ(scores()["strict"]["class_pixels"], (Json{2, 2}));
  EXPECT_EQ(two.err.find("warning"), std::string::npos) << two;
}

// The classes of the configuration count where the command line has none.
TEST_F(EvaluateCommand, ClassesAreThoseOfTheConfiguration) {
  write_prediction("a.png", LabelMap(1, 2, 0), 2);
  write_truth("a.png", {0, 1}, 1, 2);
  const fs::path names = scores_file().parent_path() / "names.txt";
  write_bytes(names, "sky\nsea\nsand\n");
  ASSERT_EQ(evaluate({"--set", "dataset.classes=" + names.string()}).code, 0);
  EXPECT_EQ(scores()["strict"]["class_names"], (Json{"sky", "sea", "sand"}));
  ASSERT_EQ(evaluate({"--classes", "2", "--set", "dataset.classes=" + names.string()}).code, 0);
  EXPECT_EQ(scores()["strict"]["classes"], 2);
}

TEST_F(EvaluateCommand, FilesThatDoNotFitAreRefused) {
  const Launch three = {.ranks = 3, .limit = std::chrono::seconds(30)};
  const std::vector<std::uint8_t> zeros(6, 0);
  const auto start = [&] {
    clear();
    for (const char* name : {"a.png", "b.png", "c.png"}) {
      write_prediction(name, LabelMap(2, 3, 0), 2);
      write_truth(name, zeros, 2, 3);
    }
  };
  const auto refuse = [&](const Outcome& outcome, const std::vector<std::string>& words) {
    expect_refusal(outcome, 3, words);
    EXPECT_FALSE(fs::exists(scores_file()));
  };
  start();
  for (const char* name : {"a.png", "b.png", "c.png"}) fs::remove(truth_folder() / name);
  refuse(evaluate({}), {"a.png"});
  start();
  fs::remove(prediction_folder() / "b.png");
  refuse(evaluate({}), {"b.png"});
  start();
  write_prediction("c.png", LabelMap(3, 2, 0), 2);  // read by one of the ranks only
  refuse(evaluate({}, three), {"c.png"});
  start();
  write_truth("b.png", {0, 0, 0, 7, 0, 0}, 2, 3);
  refuse(evaluate({"--classes", "3"}), {"b.png", "7"});
  start();
  write_bytes(truth_folder() / "b.png", "not an image");
  refuse(evaluate({}), {"b.png"});
  clear();
  fs::create_directories(prediction_folder());
  fs::create_directories(truth_folder());
  refuse(evaluate({}), {prediction_folder().string()});
}

}  // namespace evaluate_test
}  // namespace datus::test
