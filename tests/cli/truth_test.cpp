// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/image_reader.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

// Ground truth as people bring it to `datus run`: what is wrong with it is found before any work, what is doubtful is
// said, and what is found too late does not cost the report.
namespace datus::test {
namespace truth_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Truth : public testing::Test {
 protected:
  /// The stored value of a pixel in column x of image i.
  using Values = std::function<int(int i, int x)>;

  /// Small images with ground truth of their size.
  void write_data(int count, const Values& value_of) const {
    fs::create_directories(folder_ / "images");
    for (int i = 0; i < count; ++i) {
      const std::string name = name_of(i);
      write_png(folder_ / "images" / name, test_image(height, width, static_cast<unsigned>(i)));
      write_truth(name, [&](int x) { return value_of(i, x); });
    }
  }
  void write_truth(const std::string& name, const std::function<int(int x)>& value_of) const {
    fs::create_directories(folder_ / "truth");
    std::vector<std::uint8_t> values;
    for (int p = 0; p < height * width; ++p) values.push_back(static_cast<std::uint8_t>(value_of(p % width)));
    write_palette_png(folder_ / "truth" / name, values, height, width, {});
  }
  static std::string name_of(int i) { return "image" + std::to_string(100 + i) + ".png"; }

  [[nodiscard]] Outcome run(const Arguments& more = {}, const Launch& launch = {}) const {
    write_bytes(folder_ / "config.yaml",
                "preset: patch-kmeans\ndataset: {kind: index_png, images: images, truth: truth}\ncluster: {k: 3}\n"
                "model: {weights: '" +
                    tiny_weights() + "'}\n");
    Arguments arguments = tiny_model({"run", (folder_ / "config.yaml").string(), "--run", directory().string()});
    for (const auto& setting : more) arguments.insert(arguments.end(), {"--set", setting});
    return run_program(arguments, launch);
  }
  /// Refused before anything is made, the list of images included: other files may still take the place of these.
  void expect_refused_at_once(const Outcome& outcome, const std::vector<std::string>& words) const {
    expect_refusal(outcome, 3, words);
    EXPECT_FALSE(fs::exists(directory() / "images.h5"));
    for (const char* part : {"keys", "descriptors", "masks", "scores", "report"}) {
      EXPECT_TRUE(files_below(directory() / part).empty()) << part;
    }
  }
  [[nodiscard]] Json strict() const { return Json::parse(bytes_of(directory() / "scores/k003.json"))["strict"]; }
  [[nodiscard]] std::string report() const { return bytes_of(directory() / "report/index.html"); }
  /// What the report can draw of an image.
  [[nodiscard]] std::set<std::string> layers(std::size_t image) const {
    const std::string page = report();
    const std::string mark = "id=\"data\">";
    const auto begin = page.find(mark) + mark.size();
    const auto json = Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
    return json.at("images").at(image).at("layers").get<std::set<std::string>>();
  }
  [[nodiscard]] fs::path directory() const { return folder_ / "run"; }
  [[nodiscard]] const TempFolder& folder() const { return folder_; }

  static constexpr int height = 16;
  static constexpr int width = 24;
  static int two_halves(int /*image*/, int x) { return x < width / 2 ? 0 : 1; }

 private:
  TempFolder folder_;
};

TEST_F(Truth, OfOtherSizesIsFoundBeforeAnyWork) {
  write_data(5, two_halves);
  for (const int i : {2, 4}) {
    write_palette_png(folder() / "truth" / name_of(i), std::vector<std::uint8_t>(4, 0), 2, 2, {});
  }
  expect_refused_at_once(run({}, {.ranks = 3, .limit = std::chrono::seconds(30)}),
                         {name_of(2), "2 x 2", "16 x 24", "2 of 5 files"});
}

TEST_F(Truth, OfColoursOrOtherValuesIsFoundBeforeAnyWork) {
  write_data(3, two_halves);
  write_png(folder() / "truth" / name_of(1), Image(height, width));
  expect_refused_at_once(run(), {name_of(1), "colours", "1 of 3 files"});
  write_truth(name_of(1), [](int x) { return x == 5 ? 9 : 0; });
  expect_refused_at_once(run({"dataset.classes=2"}, {.ranks = 2, .limit = std::chrono::seconds(30)}),
                         {name_of(1), "value 9", "column 5", "dataset.classes"});
  // Repaired, the run begins as if nothing had been.
  write_truth(name_of(1), [](int x) { return x % 2; });
  const Outcome outcome = run({"dataset.classes=2"});
  EXPECT_EQ(outcome.code, 0) << outcome;
}

TEST_F(Truth, AndMasksOfAnotherResolutionAreRefusedBeforeAnyWork) {
  write_data(1, two_halves);
  expect_refusal(run({"mask.resolution=grid"}), 2, {"mask.resolution"});
  EXPECT_TRUE(files_below(directory() / "keys").empty());
  EXPECT_TRUE(files_below(directory() / "masks").empty());
}

// The third of 48 images has a value that is no class. 32 are read beforehand, every third one left out, but the report
// draws it.
TEST_F(Truth, FoundTooLateDoesNotCostTheReport) {
  constexpr int count = 48;
  write_data(count, two_halves);
  ASSERT_EQ(run({"dataset.classes=2"}).code, 0);
  EXPECT_EQ(report().find("Evaluation failed"), std::string::npos);
  const int third = 2;
  write_truth(name_of(third), [](int /*x*/) { return 7; });
  for (const int ranks : {0, 2}) {
    fs::remove_all(directory() / "report");
    expect_refusal(run({"dataset.classes=2"}, {.ranks = ranks, .limit = std::chrono::seconds(60)}), 3,
                   {name_of(third), "value 7"});
    EXPECT_NE(report().find("Evaluation failed"), std::string::npos);
    EXPECT_NE(report().find("value 7"), std::string::npos);
    EXPECT_TRUE(layers(4).contains("truth"));
    EXPECT_TRUE(layers(2).contains("k003"));
    EXPECT_FALSE(layers(2).contains("truth"));
    EXPECT_EQ(report().find("<td>strict</td>"), std::string::npos) << "scores of other ground truth are shown";
    const Json summary = Json::parse(bytes_of(directory() / "summary.json"));
    EXPECT_EQ(summary["exit_code"], 3);
    EXPECT_EQ(summary["stages"]["evaluate"]["note"], "failed");
    EXPECT_EQ(Json::parse(bytes_of(directory() / "state.json"))["state"], "failed");
    EXPECT_FALSE(fs::exists(directory() / "scores/k003.json")) << "of the evaluation before";
    EXPECT_EQ(run_program({"report", directory().string()}).code, 0);
    EXPECT_EQ(report().find("<td>strict</td>"), std::string::npos) << "by the report that is made again";
  }
  write_truth(name_of(third), [](int x) { return two_halves(0, x); });
  const Outcome outcome = run({"dataset.classes=2"});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(report().find("Evaluation failed"), std::string::npos);
}

// Masks do not depend on it.
TEST_F(Truth, MayComeLater) {
  write_data(5, two_halves);
  ASSERT_EQ(run({"dataset.kind=folder", "dataset.truth=null"}).code, 0);
  EXPECT_FALSE(fs::exists(directory() / "scores/k003.json"));
  const auto time_of = [&](const char* name) { return fs::last_write_time(directory() / name); };
  const auto made = [&] {
    return std::vector{time_of("images.h5"), time_of("keys/000000.h5"), time_of("clusters/k003/centroids.h5"),
                       time_of("masks/k003/image100.png")};
  };
  const auto before = made();
  for (const int ranks : {0, 2}) {
    const Outcome outcome = run({}, {.ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(strict()["pixels"]["total"], 5 * height * width);
    EXPECT_EQ(made(), before) << outcome;
  }
  // Under another name too, and for fewer images.
  fs::rename(folder() / "truth", folder() / "other");
  fs::remove(folder() / "other" / name_of(1));
  const Outcome other = run({"dataset.truth=" + (folder() / "other").string()});
  ASSERT_EQ(other.code, 0) << other;
  EXPECT_EQ(strict()["pixels"]["total"], 4 * height * width);
  EXPECT_EQ(made(), before) << other;
  EXPECT_EQ(run_program({"inspect", "--verify", directory().string()}).code, 0);
}

// 'datus apply' and the report would take their mapping for that of the new clusters.
TEST_F(Truth, ScoresOfOtherClustersGoWithThem) {
  write_data(5, two_halves);
  ASSERT_EQ(run().code, 0);
  ASSERT_TRUE(fs::exists(directory() / "scores/k003.json"));
  ASSERT_EQ(run({"run.seed=7", "dataset.kind=folder", "dataset.truth=null"}).code, 0);
  EXPECT_FALSE(fs::exists(directory() / "scores/k003.json"));
  EXPECT_EQ(report().find("<td>strict</td>"), std::string::npos);
}

// A data set that nobody knows, in ten lines.
TEST_F(Truth, ADescriptionOfADataSetNeedsNoCode) {
  write_data(4, [](int /*i*/, int x) { return x < 4 ? 9 : x < width / 2 ? 3 : 5; });
  for (const auto& [from, to, suffix] :
       {std::tuple("images", "reef/photos/val/a", "_raw"), std::tuple("truth", "reef/labels/val/a", "_ids")}) {
    fs::create_directories(folder() / to);
    for (int i = 0; i < 4; ++i) {
      fs::rename(folder() / from / name_of(i),
                 folder() / to / (fs::path(name_of(i)).stem().string() + suffix + ".png"));
    }
  }
  write_bytes(folder() / "reef.yaml",
              "about: a reef\nimages:\n  folder: photos/{split}\n  suffix: _raw\ntruth:\n  folder: labels/{split}\n"
              "  suffix: _ids\n  void: 9\nsplits: [train, val]\nlabel_maps: {ground: {classes: {sand: 3, rock: 5}, "
              "colours: [[250, 200, 100], [90, 90, 90]]}}\n");
  const Arguments reef = {"dataset.kind=" + (folder() / "reef.yaml").string(),
                          "dataset.images=" + (folder() / "reef").string(), "dataset.truth=null", "dataset.split=val"};
  const Outcome outcome = run(reef, {.ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(strict()["class_names"], Json({"sand", "rock"}));
  EXPECT_EQ(strict()["pixels"]["void"], 4 * height * 4);
  EXPECT_EQ(strict()["class_pixels"], Json({4 * height * (width / 2 - 4), 4 * height * (width / 2)}));
  EXPECT_TRUE(fs::exists(directory() / "masks/k003/a/image100_raw.png"));
  EXPECT_EQ(strict()["class_colours"], Json({{250, 200, 100}, {90, 90, 90}}));
  const Outcome exported = run_program({"export", directory().string(), "--to", "class"});
  ASSERT_EQ(exported.code, 0) << exported;
  const Json classes = Json::parse(bytes_of(directory() / "export/k003-class/classes.json"))["classes"];
  EXPECT_EQ(classes[0]["colour"], Json({250, 200, 100}));
  EXPECT_EQ(classes[1]["colour"], Json({90, 90, 90}));
  const std::string provenance = strict()["provenance"]["run"];
  write_bytes(folder() / "reef.yaml", bytes_of(folder() / "reef.yaml") + "# a remark\n");
  ASSERT_EQ(run(reef).code, 0);
  EXPECT_NE(strict()["provenance"]["run"], provenance);
}

TEST_F(Truth, OfSomeImagesScoresThese) {
  write_data(4, two_halves);
  fs::remove(folder() / "truth" / name_of(0));
  fs::remove(folder() / "truth" / name_of(2));
  const Outcome outcome = run({}, {.ranks = 2});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("ground truth for 2 of 4 images"), std::string::npos) << outcome;
  EXPECT_EQ(strict()["pixels"]["total"], 2 * height * width);
  EXPECT_EQ(strict()["class_pixels"], (Json{height * width, height * width}));
  EXPECT_EQ(strict()["provenance"]["scored_on"], "2 of 4 images");
  EXPECT_EQ(files_below(directory() / "masks/k003").size(), 4U);
  EXPECT_FALSE(layers(0).contains("truth"));
  EXPECT_TRUE(layers(1).contains("truth"));
  EXPECT_FALSE(layers(2).contains("truth"));
  EXPECT_NE(report().find("scored on 2 of 4 images"), std::string::npos);
}

// A binary mask whose foreground is the usual value of void scores everything as right.
TEST_F(Truth, OfOneClassIsWarnedOf) {
  write_data(3, [](int /*image*/, int x) { return x < 3 ? 255 : 0; });
  const Outcome silent_before = run();
  ASSERT_EQ(silent_before.code, 0) << silent_before;
  EXPECT_NE(silent_before.out.find("ground truth: 1 of 1 class (0), 12.5 % void"), std::string::npos) << silent_before;
  EXPECT_NE(silent_before.err.find("warning: The ground truth has one class only"), std::string::npos) << silent_before;
  EXPECT_NE(silent_before.err.find("dataset.label_map"), std::string::npos) << silent_before;

  write_bytes(folder() / "map.json", R"({"0": 0, "255": 1})");
  const Outcome mapped = run({"dataset.label_map=" + (folder() / "map.json").string()});
  ASSERT_EQ(mapped.code, 0) << mapped;
  EXPECT_NE(mapped.out.find("ground truth: 2 of 2 classes (0, 1), 0.0 % void"), std::string::npos) << mapped;
  EXPECT_NE(mapped.err.find("dataset.void has no effect"), std::string::npos) << mapped;
  EXPECT_EQ(mapped.err.find("warning"), std::string::npos) << mapped;
  EXPECT_EQ(strict()["class_pixels"], (Json{3 * 16 * 21, 3 * 16 * 3}));
}

TEST_F(Truth, MostlyVoidIsWarnedOf) {
  write_data(2, [](int /*image*/, int x) { return x < 2 ? x : 11; });
  const Outcome outcome = run({"dataset.void=11"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("warning: Most pixels of the ground truth are void"), std::string::npos) << outcome;
  EXPECT_NE(outcome.err.find("dataset.void (11)"), std::string::npos) << outcome;
}

// A mapping is refused before any work where its classes have names.
TEST_F(Truth, AMappingOfOtherClassesIsRefusedAtOnce) {
  write_data(2, two_halves);
  write_bytes(folder() / "names.txt", "sky\nsea\n");
  ASSERT_EQ(run({"dataset.classes=" + (folder() / "names.txt").string()}).code, 0);
  EXPECT_EQ(strict()["class_names"], (Json{"sky", "sea"}));
  fs::copy_file(directory() / "scores/k003.json", folder() / "mapping.json");
  fs::remove_all(directory());
  write_bytes(folder() / "names.txt", "sky\nsand\n");
  const Arguments settings = {"dataset.classes=" + (folder() / "names.txt").string(),
                              "evaluate.mapping=" + (folder() / "mapping.json").string()};
  expect_refusal(run(settings), 3, {"mapping.json", "sea", "sand"});
  EXPECT_TRUE(files_below(directory() / "keys").empty());
}

// Classes without names are counted, of a sample before any work.
TEST_F(Truth, AMappingOfOtherCountsIsRefusedAtOnce) {
  write_data(2, [](int /*image*/, int x) { return x % 4; });
  write_bytes(folder() / "names.txt", "sky\nsea\n");
  write_bytes(folder() / "halves.json", R"({"0": 0, "1": 1, "2": 0, "3": 1})");
  const std::string mapping = (folder() / "mapping.json").string();
  const auto keep_scores = [&](const char* name) {
    fs::copy_file(directory() / "scores" / name, mapping, fs::copy_options::overwrite_existing);
    fs::remove_all(directory());
  };
  ASSERT_EQ(run({"dataset.classes=" + (folder() / "names.txt").string(),
                 "dataset.label_map=" + (folder() / "halves.json").string()})
                .code,
            0);
  keep_scores("k003.json");
  for (const int ranks : {0, 2}) {
    expect_refusal(run({"evaluate.mapping=" + mapping}, {.ranks = ranks, .limit = std::chrono::seconds(30)}), 3,
                   {"mapping.json", "2 classes, here are 3 and 4"});
    EXPECT_TRUE(files_below(directory() / "keys").empty());
  }
  fs::remove_all(directory());
  // Of another K: seen without names too.
  ASSERT_EQ(run({"cluster.k=2"}).code, 0);
  keep_scores("k002.json");
  expect_refusal(run({"evaluate.mapping=" + mapping}), 3, {"mapping.json", "it has 2 clusters"});
  EXPECT_TRUE(files_below(directory() / "keys").empty());
  // A class that does not occur here is there all the same.
  ASSERT_EQ(run().code, 0);
  const int classes = strict()["classes"];
  EXPECT_EQ(classes, 4);
  keep_scores("k003.json");
  for (int i = 0; i < 2; ++i) write_truth(name_of(i), [](int x) { return x % 2; });
  const Outcome outcome = run({"evaluate.mapping=" + mapping});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(strict()["classes"], classes);
}

}  // namespace truth_test
}  // namespace datus::test
