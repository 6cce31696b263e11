// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/image_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// A run on a data set whose ground truth needs a map, applied to the same images as plain files: the same scores.
namespace datus::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Apply : public testing::Test {
 protected:
  /// RUN on three images of COCO-Stuff's layout; `plain` has the same files in folders of their own.
  void SetUp() override {
    write_test_images(folder_ / "coco/val2017", 3);
    const std::vector<std::uint8_t> values = {0, 91, 156, 181, 255, 123};
    for (const auto& name : files_below(folder_ / "coco/val2017")) {
      const ImageHeader header = read_image_header(folder_ / "coco/val2017" / name);
      std::vector<std::uint8_t> truth;
      for (int i = 0; i < header.height * header.width; ++i) {
        truth.push_back(values[static_cast<std::size_t>(i % header.width / 9) % values.size()]);
      }
      const fs::path path = folder_ / "coco/stuffthingmaps/val2017" / name;
      fs::create_directories(path.parent_path());
      write_palette_png(path, truth, header.height, header.width, {});
    }
    fs::create_directories(folder_ / "plain/images");
    fs::create_directories(folder_ / "plain/truth");
    fs::copy(folder_ / "coco/val2017", folder_ / "plain/images/sub");
    fs::copy(folder_ / "coco/stuffthingmaps/val2017", folder_ / "plain/truth/sub");
    write_config("run.yaml", "{kind: coco_stuff, images: coco, truth: coco, split: val2017}");
    const Outcome outcome =
        run_program({"run", (folder_ / "run.yaml").string(), "--run", "run"}, {.folder = folder_.path()});
    ASSERT_EQ(outcome.code, 0) << outcome;
    ASSERT_EQ(scores("run")["classes"], 27);
  }

  void write_config(const std::string& name, const std::string& dataset) const {
    write_bytes(folder_ / name, "preset: patch-kmeans\ndataset: " + dataset + "\nmodel: {weights: '" + tiny_weights() +
                                    "', heads: 2, input_size: 32}\ncluster: {k: 3}\n");
  }
  [[nodiscard]] Outcome apply(const std::string& images, const Arguments& more) const {
    Arguments arguments = {"apply", "run", "--images", images, "--run", "applied"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path()});
  }
  [[nodiscard]] Json scores(const std::string& run) const {
    return Json::parse(bytes_of(folder_ / run / "scores/k003.json"))["strict"];
  }

  TempFolder folder_;
};

TEST_F(Apply, ToTheSameImagesAsPlainFilesGivesTheSameScores) {
  write_bytes(folder_ / "plain/images/list.txt", "sub/a.png\nsub/b.png\nsub/c.png\n");
  for (const char* images : {"plain/images", "plain/images/list.txt"}) {
    SCOPED_TRACE(images);
    fs::remove_all(folder_ / "applied");
    const Outcome outcome = apply(images, {"--truth", "plain/truth"});
    ASSERT_EQ(outcome.code, 0) << outcome;
    for (const char* part : {"classes", "class_names", "mapping", "counts", "miou", "pixel_accuracy", "pixels"}) {
      EXPECT_EQ(scores("applied")[part], scores("run")[part]) << part;
    }
    // The settings that the new run recorded can be loaded again.
    const Outcome again = run_program({"config", "applied/config.yaml"}, {.folder = folder_.path()});
    EXPECT_EQ(again.code, 0) << again;
    EXPECT_NE(again.out.find("kind: coco_stuff"), std::string::npos) << again;
  }
}

TEST_F(Apply, ToAListWithItsGroundTruthIsReadAsTheRunsOwn) {
  std::string list;
  for (const char* name : {"a", "b", "c"}) {
    list += std::string("images/sub/") + name + ".png\ttruth/sub/" + name + ".png\n";
  }
  write_bytes(folder_ / "plain/list.txt", list);
  const Outcome outcome = apply("plain/list.txt", {});
  ASSERT_EQ(outcome.code, 0) << outcome;
  for (const char* part : {"classes", "class_names", "mapping", "counts", "miou"}) {
    EXPECT_EQ(scores("applied")[part], scores("run")[part]) << part;
  }
}

// The scores of the fitted run are changed, so that its mapping is none that a matching would find.
TEST_F(Apply, TheMappingIsThatOfTheFittedRunOrMatchedAnew) {
  const Json own = scores("run");
  auto fitted = nlohmann::ordered_json::parse(bytes_of(folder_ / "run/scores/k003.json"));
  for (auto& [protocol, result] : fitted.items()) std::ranges::reverse(result["mapping"]);
  write_bytes(folder_ / "run/scores/k003.json", fitted.dump());
  ASSERT_NE(own["mapping"], fitted["strict"]["mapping"]);
  const Outcome given = apply("plain/images", {"--truth", "plain/truth"});
  ASSERT_EQ(given.code, 0) << given;
  EXPECT_EQ(scores("applied")["mapping"], fitted["strict"]["mapping"]);
  EXPECT_EQ(scores("applied")["provenance"]["matched_on"], scores("applied")["provenance"]["fitted_on"]);
  fs::remove_all(folder_ / "applied");
  const Outcome anew = apply("plain/images", {"--truth", "plain/truth", "--set", "evaluate.matching=own"});
  ASSERT_EQ(anew.code, 0) << anew;
  EXPECT_EQ(scores("applied")["mapping"], own["mapping"]);
  EXPECT_EQ(scores("applied")["miou"], own["miou"]);
  EXPECT_EQ(scores("applied")["provenance"]["matched_on"], scores("applied")["provenance"]["assigned_on"]);
  expect_refusal(apply("plain/images", {"--set", "evaluate.matching=own", "--set", "evaluate.mapping=s.json"}), 2,
                 {"evaluate.matching", "evaluate.mapping"});
}

TEST_F(Apply, ProtocolsThatDoNotGoWithTheRunAreRefusedBeforeTheWork) {
  const auto with = [&](const std::string& setting) {
    return apply("plain/images", {"--truth", "plain/truth", "--set", setting});
  };
  expect_refusal(with("evaluate.protocols=stego"), 2, {"stego", "model.input_size", "stego-crop"});
  expect_refusal(with("evaluate.protocols=[strict, stego-crop]"), 2, {"stego-crop", "here are 3 and 27"});
  expect_refusal(with("evaluate.protocols=over-clustering"), 2, {"over-clustering", "here are 3 and 27"});
  EXPECT_TRUE(files_below(folder_ / "applied/keys").empty()) << "found too late";
}

TEST_F(Apply, ToGroundTruthOfOtherClassesIsRefused) {
  const std::string files = "images: plain/images, truth: plain/truth";
  write_config("raw.yaml", "{kind: index_png, " + files + "}");
  expect_refusal(apply("raw.yaml", {}), 3, {"scores/k003.json", "27 classes", "182"});
  EXPECT_TRUE(files_below(folder_ / "applied/keys").empty()) << "found too late, though the classes have no names";
  write_config("stuff.yaml", "{kind: coco_stuff, label_map: coco_stuff_15, " + files + "}");
  expect_refusal(apply("stuff.yaml", {}), 3, {"scores/k003.json", "27 classes", "15"});
  EXPECT_TRUE(files_below(folder_ / "applied/keys").empty()) << "found too late";
}

}  // namespace
}  // namespace datus::test
