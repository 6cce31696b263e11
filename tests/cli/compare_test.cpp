// SPDX-License-Identifier: Apache-2.0
// Two runs side by side: the numbers are those of the scores and of the masks themselves.

#include "cli/exported_run.hpp"
#include "cli/plain_files.hpp"
#include "cli/suite_folder.hpp"
#include "datus/io/mask_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace datus::test {
namespace compare_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// FOLDER/run, K = 3, and FOLDER/other of the same images with other settings, K = 2.
class Compare : public SuiteFolder<Compare> {
 protected:
  static void SetUpTestSuite() {
    const fs::path folder = suite_folder().path();
    const Outcome first = make_exported_run(folder);
    ASSERT_EQ(first.code, 0) << first;
    const Outcome second = run_program({"run", "mine.yaml", "--run", "other", "--set", "cluster.k=2", "--set",
                                        "mask.labels=dense", "--set", "run.seed=3"},
                                       {.folder = folder});
    ASSERT_EQ(second.code, 0) << second;
  }
  static fs::path path(const std::string& name) { return suite_folder().path() / name; }
  static Outcome compare(const Arguments& more) {
    Arguments arguments = {"compare"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = suite_folder().path()});
  }
  static Json strict(const std::string& run, const std::string& k) {
    return Json::parse(bytes_of(path(run + "/scores/" + k + ".json")))["strict"];
  }
};

/// The rows of a CSV by "scope,name,measure": the cells behind. None of the names here has a comma or a quote.
std::map<std::string, std::array<double, 4>> rows_of(const fs::path& csv) {
  std::map<std::string, std::array<double, 4>> rows;
  std::istringstream lines(bytes_of(csv));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "scope,name,measure,first,second,difference,agreement");
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    std::string key;
    std::string cell;
    for (int i = 0; i < 3; ++i) {
      std::getline(cells, cell, ',');
      std::erase(cell, '"');
      key += (i == 0 ? "" : ",") + cell;
    }
    std::array<double, 4>& values = rows[key];
    for (double& value : values) {
      value = std::getline(cells, cell, ',') && !cell.empty() ? std::stod(cell) : -9;
    }
  }
  return rows;
}

/// The share of the pixels of all images that agree by the best of all one-to-one matchings of 3 clusters with 2.
double best_share(const std::map<std::string, LabelMap>& first, const std::map<std::string, LabelMap>& second) {
  double best = 0;
  std::vector<int> partner = {0, 1, 2};  // 2: none
  do {
    double agree = 0;
    double all = 0;
    for (const auto& [name, map] : first) {
      for (std::size_t i = 0; i < map.labels.size(); ++i) {
        const int label = map.labels[i];
        const int wanted = label < 0 ? -1 : partner[static_cast<std::size_t>(label)];
        agree += second.at(name).labels[i] == wanted ? 1 : 0;
        all += 1;
      }
    }
    best = std::max(best, agree / all);
  } while (std::ranges::next_permutation(partner).found);
  return best;
}

TEST_F(Compare, HasTheNumbersOfTheScoresAndTheMasks) {
  const Outcome outcome = compare({"run", "other", "--k", "3,2", "--out", "numbers.csv"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  auto rows = rows_of(path("numbers.csv"));
  const Json first = strict("run", "k003");
  const Json second = strict("other", "k002");
  for (const char* measure : {"miou", "pixel_accuracy", "macro_f1", "fwiou"}) {
    const auto& row = rows["all,," + std::string(measure)];
    EXPECT_DOUBLE_EQ(row[0], first[measure].get<double>()) << measure;
    EXPECT_DOUBLE_EQ(row[1], second[measure].get<double>()) << measure;
    EXPECT_DOUBLE_EQ(row[2], row[1] - row[0]) << measure;
  }
  EXPECT_DOUBLE_EQ((rows["class,sea floor,iou"][0]), first["iou"][0].get<double>());
  EXPECT_DOUBLE_EQ((rows["class,rock: a/b,iou"][1]), second["iou"][1].get<double>());
  const auto masks = std::array{masks_of(path("run/masks/k003")), masks_of(path("other/masks/k002"))};
  EXPECT_NEAR((rows["all,,matched"][3]), best_share(masks[0], masks[1]), 1e-12);
  // Each image by itself.
  const std::array mappings = {first["mapping"].get<std::vector<int>>(), second["mapping"].get<std::vector<int>>()};
  for (std::size_t run = 0; run < 2; ++run) {
    for (const auto& [name, map] : classes_of(masks[run], mappings[run])) {
      const LabelMap truth = read_mask(path("truth/" + name + ".png"));
      double right = 0;
      for (std::size_t i = 0; i < truth.labels.size(); ++i) right += map.labels[i] == truth.labels[i] ? 1 : 0;
      const std::string image = name == "sub/d" ? name + ".jpg" : name + ".png";
      EXPECT_NEAR((rows["image," + image + ",pixel_accuracy"][run]), right / static_cast<double>(truth.labels.size()),
                  1e-12)
          << name;
    }
  }
  EXPECT_NE(outcome.out.find("5 images of both runs"), std::string::npos) << outcome;
  EXPECT_NE(outcome.out.find("mIoU"), std::string::npos) << outcome;
}

TEST_F(Compare, ARunWithItself) {
  const Outcome outcome = compare({"run", "run", "--out", "same.csv"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  for (const auto& [key, row] : rows_of(path("same.csv"))) {
    if (row[3] != -9) {
      EXPECT_DOUBLE_EQ(row[3], 1) << key;
    }
    if (row[2] != -9) {
      EXPECT_DOUBLE_EQ(row[2], 0) << key;
    }
  }
  EXPECT_EQ(outcome.out.find("gained most"), std::string::npos) << outcome;
}

TEST_F(Compare, WritesAFolderWithAPageThatAsksForNothing) {
  const std::map<std::string, std::vector<std::string>> before = {{"run", files_below(path("run"))},
                                                                  {"other", files_below(path("other"))}};
  const Outcome outcome = compare({"run", "other", "--k", "3,2", "--out", "out", "--images", "2"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const std::string page = bytes_of(path("out/compare.html"));
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_NE(page.find("2 of 5 images"), std::string::npos);
  std::size_t pictures = 0;
  for (auto at = page.find("<img src=\""); at != std::string::npos; at = page.find("<img src=\"", at + 1)) {
    EXPECT_EQ(page.compare(at + 10, 11, "data:image/"), 0);
    ++pictures;
  }
  EXPECT_EQ(pictures, 10U) << "photo, ground truth, two masks and their differences of each";
  EXPECT_NE(bytes_of(path("out/compare.md")).find("| mIoU |"), std::string::npos);
  for (const auto& [run, files] : before) EXPECT_EQ(files_below(path(run)), files) << "nothing changes";
  ASSERT_EQ(compare({"run", "other", "--k", "3,2", "--out", "again", "--images", "2"}).code, 0);
  EXPECT_EQ(bytes_of(path("again/compare.html")), page) << "the same bytes";
}

TEST_F(Compare, WithoutGroundTruthOnlyTheMasksAreCompared) {
  for (const char* run : {"bare", "bare2"}) {
    const std::string k = run == std::string("bare") ? "3" : "2";
    const Outcome made = run_program({"run", "mine.yaml", "--run", run, "--set", "dataset.kind=folder", "--set",
                                      "dataset.truth=null", "--set", "dataset.classes=null", "--set", "cluster.k=" + k},
                                     {.folder = suite_folder().path()});
    ASSERT_EQ(made.code, 0) << made;
  }
  const Outcome outcome = compare({"bare", "bare2", "--out", "bare.csv"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.out.find("There is no ground truth"), std::string::npos) << outcome;
  EXPECT_EQ(outcome.out.find("mIoU"), std::string::npos) << outcome;
  auto rows = rows_of(path("bare.csv"));
  EXPECT_NEAR((rows["all,,matched"][3]),
              best_share(masks_of(path("bare/masks/k003")), masks_of(path("bare2/masks/k002"))), 1e-12);
  EXPECT_FALSE(rows.contains("all,,miou"));
  // That of the other run serves.
  const Outcome with = compare({"bare", "other", "--k", "3,2"});
  ASSERT_EQ(with.code, 0) << with;
  EXPECT_NE(with.out.find("The ground truth is that of the second run."), std::string::npos) << with;
  EXPECT_NE(with.out.find("The clusters of bare are matched with the classes here"), std::string::npos) << with;
}

TEST_F(Compare, WhatDoesNotFitIsSaidAndLeftOut) {
  // Of the images one is gone, one is new and one has another size.
  fs::copy(path("images"), path("images2"), fs::copy_options::recursive);
  fs::copy(path("truth"), path("truth2"), fs::copy_options::recursive);
  fs::remove(path("images2/a.png"));
  fs::remove(path("truth2/a.png"));
  write_png(path("images2/new.png"), test_image(40, 40, 9));
  write_png(path("images2/b.png"), test_image(40, 56, 9));
  write_grey_png(path("truth2/b.png"), std::vector<std::uint8_t>(std::size_t{40} * 56), 40, 56);
  write_bytes(path("names2.txt"), "sea\nrock\n");
  const Outcome made = run_program({"run", "mine.yaml", "--run", "changed", "--set", "dataset.images=images2", "--set",
                                    "dataset.truth=truth2", "--set", "dataset.classes=names2.txt"},
                                   {.folder = suite_folder().path()});
  ASSERT_EQ(made.code, 0) << made;
  const Outcome outcome = compare({"run", "changed"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  for (const char* text : {"3 images of both runs", "1 image of the first run alone", "1 image of the second run alone",
                           "1 image of the same name but another size", "class 0 is sea there, sea floor here"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << outcome;
  }
}

TEST_F(Compare, OddInput) {
  expect_refusal(compare({"run", "nowhere"}), 3, {"nowhere", "no run"});
  expect_refusal(compare({"run", "images"}), 3, {"images", "no run"});
  EXPECT_EQ(compare({"run", "other"}).code, 0) << "each has one K";
  const Outcome many =
      run_program({"run", "mine.yaml", "--run", "many", "--set", "cluster.k=4,5"}, {.folder = suite_folder().path()});
  ASSERT_EQ(many.code, 0) << many;
  expect_refusal(compare({"run", "many"}), 2, {"no K in common", "--k 3,4"});
  expect_refusal(compare({"run", "other", "--k", "7"}), 2, {"K = 7"});
  expect_refusal(compare({"run", "other", "--k", "3,2,1"}), 2, {"--k"});
  expect_refusal(compare({"run", "other", "--k", "3,2", "--protocol", "stego"}), 2, {"--protocol"});
  expect_refusal(compare({"run", "other", "--k", "3,2", "--out", "run/masks"}), 2, {"run/masks"});
  expect_refusal(compare({"run", "other", "--k", "3,2", "--out", "mine.yaml"}), 2, {"mine.yaml", ".csv"});
  expect_refusal(run_program({"compare", "run", "other", "--k", "3,2"}, {.folder = suite_folder().path(), .ranks = 2}),
                 2, {"compare"});
  // A mask that was changed after it was written.
  fs::copy(path("run"), path("damaged"), fs::copy_options::recursive);
  const fs::path mask = path("damaged/masks/k003/a.png");
  write_bytes(mask, bytes_of(path("damaged/masks/k003/c.png")));
  expect_refusal(compare({"run", "damaged"}), 3, {"a.png"});
}

}  // namespace compare_test
}  // namespace datus::test
