// SPDX-License-Identifier: Apache-2.0
#include "cli/exported_run.hpp"
#include "cli/suite_folder.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <tuple>
#include <vector>

// datus export: which masks, what their classes are, and where it refuses.
namespace datus::test {
namespace export_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Export : public SuiteFolder<Export> {
 protected:
  static void SetUpTestSuite() {
    const Outcome outcome = make_exported_run(suite_folder().path());
    ASSERT_EQ(outcome.code, 0) << outcome;
  }
  void SetUp() override {
    fs::remove_all(path("run/export"));
    fs::remove_all(path("out"));
  }

  [[nodiscard]] static fs::path path(const std::string& name) { return suite_folder() / name; }
  [[nodiscard]] static Outcome program(const Arguments& arguments) {
    return run_program(arguments, {.folder = suite_folder().path()});
  }
  [[nodiscard]] static Outcome exported(const std::string& format, const Arguments& more = {}) {
    Arguments arguments = {"export", "run", "--to", format};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return program(arguments);
  }
  [[nodiscard]] static Json classes(const std::string& folder) {
    return Json::parse(bytes_of(path(folder + "/classes.json")));
  }
  static void expect_equal(const std::map<std::string, LabelMap>& found,
                           const std::map<std::string, LabelMap>& wanted) {
    ASSERT_EQ(found.size(), wanted.size());
    for (const auto& [name, map] : wanted) {
      ASSERT_TRUE(found.contains(name)) << name;
      EXPECT_EQ(found.at(name).width, map.width);
      EXPECT_EQ(found.at(name).labels, map.labels) << name;
    }
  }
  /// The header of a PNG says one grey channel of so many bits.
  static void expect_grey(const fs::path& file, int bits) {
    const std::string bytes = bytes_of(file);
    EXPECT_EQ(static_cast<int>(bytes.at(24)), bits) << file;
    EXPECT_EQ(static_cast<int>(bytes.at(25)), 0) << file;
  }
};

TEST_F(Export, GreyMasksAreTheClustersWithoutPalette) {
  const Outcome outcome = exported("grey");
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.out.find("run/export/k003-grey\n"), std::string::npos) << outcome;
  expect_equal(masks_of(path("run/export/k003-grey")), masks_of(path("run/masks/k003")));
  expect_grey(path("run/export/k003-grey/a.png"), 8);
  // An export is no damage of the run, and nobody takes its masks for photos.
  EXPECT_EQ(program({"inspect", "--verify", "run"}).code, 0);
  expect_refusal(program({"extract", "--images", "run/export/k003-grey", "--weights", tiny_weights(), "--out", "k.h5"}),
                 2, {"masks"});
}

TEST_F(Export, ClassMasksFollowTheMappingOfTheScores) {
  const Outcome outcome = exported("class", {"--out", "out"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  const auto clusters = masks_of(path("run/masks/k003"));
  const auto mapping = mapping_of(path("run"));
  const auto wanted = classes_of(clusters, mapping);
  expect_equal(masks_of(path("out")), wanted);

  std::vector<std::int64_t> pixels(2);
  std::int64_t unassigned = 0;
  std::int64_t without = 0;
  for (const auto& [name, map] : wanted) {
    for (std::size_t i = 0; i < map.labels.size(); ++i) {
      if (map.labels[i] >= 0) ++pixels[static_cast<std::size_t>(map.labels[i])];
      if (map.labels[i] < 0) ++(clusters.at(name).labels[i] < 0 ? unassigned : without);
    }
  }
  ASSERT_GT(unassigned, 0) << "the run shows nothing";
  ASSERT_GT(without, 0) << "the run shows nothing";
  const Json json = classes("out");
  EXPECT_EQ(json["source"], "ground truth, matched by strict");
  EXPECT_EQ(json["classes"][0]["name"], "sea floor");
  EXPECT_EQ(json["classes"][1]["name"], "rock: a/b");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(json["classes"][i]["id"], i);
    EXPECT_EQ(json["classes"][i]["pixels"], pixels[i]);
    for (const int cluster : json["classes"][i]["clusters"]) {
      EXPECT_EQ(mapping.at(static_cast<std::size_t>(cluster)), static_cast<int>(i));
    }
  }
  EXPECT_EQ(json["pixels"]["unassigned"], unassigned);
  EXPECT_EQ(json["pixels"]["without_class"], without);
  EXPECT_EQ(json["pixels"]["total"], unassigned + without + pixels[0] + pixels[1]);
  EXPECT_NE(outcome.out.find(" of 1 cluster that has none"), std::string::npos) << outcome;
}

TEST_F(Export, APersonNamesClusters) {
  write_bytes(path("names.yaml"), "2: reef\n0: 'fish, small'\n1: reef\n");
  ASSERT_EQ(exported("class", {"--out", "out", "--names", "names.yaml"}).code, 0);
  expect_equal(masks_of(path("out")), classes_of(masks_of(path("run/masks/k003")), {1, 0, 0}));
  const Json json = classes("out");
  EXPECT_EQ(json["classes"][0]["name"], "reef");
  EXPECT_EQ(json["classes"][0]["clusters"], Json({1, 2}));
  EXPECT_EQ(json["classes"][1]["name"], "fish, small");
  fs::remove_all(path("out"));
  // One of them is nothing, another is not named.
  write_bytes(path("names.yaml"), "2: reef\n0: ~\n");
  ASSERT_EQ(exported("class", {"--out", "out", "--names", "names.yaml"}).code, 0);
  expect_equal(masks_of(path("out")), classes_of(masks_of(path("run/masks/k003")), {-1, -1, 0}));
  EXPECT_EQ(classes("out")["clusters_without_class"], Json({0, 1}));
}

TEST_F(Export, NamesThatCannotBeUsedAreRefusedWithTheirLine) {
  for (const auto& [text, word] : std::vector<std::pair<std::string, std::string>>{
           {"0: a\n3: b\n", "names.yaml:2 ('3' is not a cluster from 0 to 2)"},
           {"0: a\n0: b\n", "names.yaml:2 (cluster 0 stands there twice)"},
           {"0: [a, b]\n", "names.yaml:1 (cluster 0 has no name"},
           {"- a\n- b\n", "names.yaml:1 (it is not a map"},
           {"reef: 0\n", "'reef' is not a cluster"},
           {"0: [a\n", "this is not YAML"}}) {
    write_bytes(path("names.yaml"), text);
    expect_refusal(exported("class", {"--out", "out", "--names", "names.yaml"}), 2, {word});
    EXPECT_FALSE(fs::exists(path("out")));
  }
  expect_refusal(exported("class", {"--names", "nowhere.yaml"}), 2, {"nowhere.yaml", "no such file"});
}

TEST_F(Export, OneVersusRestHasAFolderForEachClass) {
  ASSERT_EQ(exported("one-vs-rest", {"--out", "out"}).code, 0);
  const auto wanted = classes_of(masks_of(path("run/masks/k003")), mapping_of(path("run")));
  const std::vector<std::string> folders = {"out/000-sea_floor", "out/001-rock__a_b"};
  for (std::size_t index = 0; index < folders.size(); ++index) {
    std::size_t masks = 0;
    for (const auto& [name, map] : masks_of(path(folders[index]))) {
      ++masks;
      for (std::size_t i = 0; i < map.labels.size(); ++i) {
        const int label = wanted.at(name).labels[i];
        // 255 reads as `no_label`.
        ASSERT_EQ(map.labels[i], label < 0 ? 127 : label == static_cast<int>(index) ? no_label : 0) << name << " " << i;
      }
    }
    EXPECT_EQ(masks, wanted.size());
  }
}

TEST_F(Export, NothingThatIsThereIsOverwritten) {
  write_bytes(path("out/mine.txt"), "mine");
  expect_refusal(exported("grey", {"--out", "out"}), 2, {"There is something in", "/out", "overwritten"});
  EXPECT_EQ(files_below(path("out")), std::vector<std::string>{"mine.txt"});
  fs::remove(path("out/mine.txt"));
  EXPECT_EQ(exported("grey", {"--out", "out/"}).code, 0) << "an empty folder is free";
  expect_refusal(exported("grey", {"--out", "out"}), 2, {"There is something in"});
  for (const auto& entry : fs::directory_iterator(suite_folder().path())) {
    EXPECT_EQ(entry.path().filename().string().find(".tmp-"), std::string::npos) << entry.path();
  }
}

TEST_F(Export, AFailingDiskLeavesNothing) {
  for (const auto& [format, fault, words] : std::vector<std::tuple<std::string, std::string, std::vector<std::string>>>{
           {"class", "write:2:ENOSPC:/.out.tmp-", {"No space left on device"}},
           {"coco-rle", "write:1:EIO:results.json", {"results.json", "Input/output error"}},
           {"hdf5", "open:1:EACCES:masks.h5", {"masks.h5"}},
           {"grey", "rename:1:EROFS:/.out.tmp-", {"/out", "Read-only file system"}}}) {
    SCOPED_TRACE(format);
    const Outcome outcome =
        run_program({"export", "run", "--to", format, "--out", "out"},
                    {.folder = suite_folder().path(),
                     .environment = {"LD_PRELOAD=" + faults_library_path(), "DATUS_FAULT=" + fault}});
    expect_refusal(outcome, 1, words);
    for (const std::string& name : suite_folder().names()) EXPECT_EQ(name.find("out"), std::string::npos) << name;
  }
}

TEST_F(Export, DamagedAndStaleMasksAreRefused) {
  const std::string bytes = bytes_of(path("run/masks/k003/b.png"));
  write_bytes(path("run/masks/k003/b.png"), bytes_of(path("run/masks/k003/a.png")));
  expect_refusal(exported("grey", {"--out", "out"}), 3, {"masks/k003/b.png", "was changed after it was written"});
  EXPECT_FALSE(fs::exists(path("out")));
  write_bytes(path("run/masks/k003/b.png"), bytes);

  const std::string record = bytes_of(path("run/masks/.done/k003/000000.json"));
  Json stale = Json::parse(record);
  stale["provenance"] = std::string(32, '0');
  write_bytes(path("run/masks/.done/k003/000000.json"), stale.dump(1) + "\n");
  expect_refusal(exported("grey", {"--out", "out"}), 3, {"shard 0", "other clusters or settings"});
  fs::remove(path("run/masks/.done/k003/000000.json"));
  expect_refusal(exported("grey", {"--out", "out"}), 3, {"shard 0", "not finished"});
  write_bytes(path("run/masks/.done/k003/000000.json"), record);
  EXPECT_EQ(exported("grey", {"--out", "out"}).code, 0);
}

TEST_F(Export, WhatIsAskedForMustBeThere) {
  expect_refusal(exported("jpeg"), 2, {"no format 'jpeg'", "grey, class"});
  expect_refusal(exported("grey", {"--k", "7"}), 2, {"K = 7", "the run has K = 3"});
  expect_refusal(program({"export", "images", "--to", "grey"}), 3, {"images", "no config.yaml"});
  expect_refusal(exported("class", {"--protocol", "many_to_one"}), 3, {"many_to_one", "scores/k003.json"});
}

TEST_F(Export, ApplyCarriesTheClassesOfTheFittedRun) {
  write_test_images(path("new"), 3);
  fs::remove_all(path("applied"));
  const Outcome applied = program({"apply", "run", "--images", "new", "--run", "applied"});
  ASSERT_EQ(applied.code, 0) << applied;
  EXPECT_NE(applied.out.find("classes of the clusters: ground truth, matched by strict, of the run on 5 images"),
            std::string::npos)
      << applied;
  EXPECT_NE(Json::parse(bytes_of(path("applied/summary.json")))["carried_classes"].get<std::string>().find("strict"),
            std::string::npos);
  const std::string page = bytes_of(path("applied/report/index.html"));
  EXPECT_NE(page.find("Classes of the clusters: ground truth"), std::string::npos);
  EXPECT_NE(page.find("rock: a/b"), std::string::npos);
  EXPECT_NE(page.find("<option value=\"classes\">"), std::string::npos);
  EXPECT_EQ(page.find("Which K?"), std::string::npos) << "nothing was fitted";
  const Outcome verified = program({"inspect", "--verify", "applied"});
  EXPECT_EQ(verified.code, 0) << verified;
  EXPECT_EQ(verified.out.find("note"), std::string::npos) << verified;

  ASSERT_EQ(program({"export", "applied", "--to", "class", "--out", "out"}).code, 0);
  expect_equal(masks_of(path("out")), classes_of(masks_of(path("applied/masks/k003")), mapping_of(path("run"))));
  EXPECT_EQ(classes("out")["classes"][1]["name"], "rock: a/b");
  // And on to the next.
  fs::remove_all(path("further"));
  ASSERT_EQ(program({"apply", "applied", "--images", "new", "--run", "further"}).code, 0);
  fs::remove_all(path("out"));
  ASSERT_EQ(program({"export", "further", "--to", "class", "--out", "out"}).code, 0);
  expect_equal(masks_of(path("out")), classes_of(masks_of(path("applied/masks/k003")), mapping_of(path("run"))));
}

TEST_F(Export, WithoutTruthAndNamesEachClusterIsAClass) {
  fs::remove_all(path("bare"));
  ASSERT_EQ(program({"run", "mine.yaml", "--run", "bare", "--set", "dataset.truth=null", "--set", "dataset.kind=folder",
                     "--set", "dataset.classes=null"})
                .code,
            0);
  const Outcome outcome = program({"export", "bare", "--to", "class", "--out", "out"});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.out.find("the run has neither ground truth nor names"), std::string::npos) << outcome;
  EXPECT_EQ(classes("out")["classes"][2]["name"], "cluster_002");
  expect_equal(masks_of(path("out")), masks_of(path("bare/masks/k003")));
}

TEST_F(Export, MoreClustersThanAByteHoldsHave16Bits) {
  fs::create_directories(path("many"));
  for (int i = 0; i < 24; ++i) {
    write_png(path("many/" + std::to_string(10 + i) + ".png"), test_image(32, 48, static_cast<unsigned>(i)));
  }
  write_bytes(path("many.yaml"),
              "preset: patch-kmeans\ndataset: {images: many}\ncluster: {k: 300}\nmodel: {weights: '" + tiny_weights() +
                  "', heads: 2, input_size: 32}\n");
  const Outcome run = program({"run", "many.yaml", "--run", "many_run"});
  ASSERT_EQ(run.code, 0) << run;
  ASSERT_EQ(program({"export", "many_run", "--to", "class", "--out", "out"}).code, 0);
  expect_grey(path("out/10.png"), 16);
  expect_equal(masks_of(path("out")), masks_of(path("many_run/masks/k300")));
  expect_refusal(program({"export", "many_run", "--to", "mmseg"}), 2, {"300 classes", "mmseg has values for 255"});
  ASSERT_EQ(program({"export", "many_run", "--to", "hdf5"}).code, 0);
  const Hdf5Reader file(path("many_run/export/k300-hdf5/masks.h5"));
  EXPECT_EQ(file.read<std::int32_t>("mask/000000"), read_mask(path("out/10.png")).labels);
}

}  // namespace export_test
}  // namespace datus::test
