// SPDX-License-Identifier: Apache-2.0
#include "datus/config/dataset_descriptions.hpp"

#include "unit/config/config_files.hpp"

#include <algorithm>
#include <cstdlib>

namespace datus::test {
namespace dataset_descriptions_test {

class DatasetDescriptions : public ConfigFiles {
 protected:
  [[nodiscard]] DatasetType kind_of(const std::string& text) const {
    (void)write("set.yaml", text);
    return load_config(write("run.yaml", "dataset: {kind: ./set.yaml}\n"), {}).dataset.kind;
  }
  /// What is wrong with a description, after a line that is not.
  [[nodiscard]] std::string error(const std::string& text) const {
    return usage_error([&] { (void)kind_of("about: mine\n" + text); });
  }
};

constexpr const char* small = "images: {folder: photos}\ntruth: {folder: labels}\n";

TEST_F(DatasetDescriptions, AFileIsADescription) {
  const DatasetType kind = kind_of(
      "about: mine\nimages: {folder: photos, suffix: _i}\nsplits: {val: validation}\n"
      "truth: {folder: [a, b], kind: colours, colours: [[1, 2, 3], [4, 5, 6]], within: 7, void: 1}\n"
      "label_maps: {one: {classes: [thing]}}\n");
  ASSERT_NE(kind.description, nullptr);
  const DatasetDescription& set = *kind.description;
  EXPECT_EQ(set.images.suffix, "_i");
  EXPECT_EQ(set.truth.folders, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(set.splits.at(0).folder, "validation");
  EXPECT_EQ(set.colours.at(1), (DatasetDescription::Colour{4, 5, 6}));
  EXPECT_EQ(set.colours_within, 7);
  EXPECT_EQ(set.label_maps.at(0).labels, (std::vector<std::int32_t>{0, -1}));
  EXPECT_EQ(kind_of(small).description->void_values, std::nullopt);
}

TEST_F(DatasetDescriptions, LabelMapsHaveThreeForms) {
  const auto labels = [&](const std::string& map) {
    return kind_of(std::string(small) + "label_maps: {m: " + map + "}\n").description->label_maps.at(0).labels;
  };
  using Labels = std::vector<std::int32_t>;
  EXPECT_EQ(labels("{classes: [a, b]}"), (Labels{0, 1}));
  EXPECT_EQ(labels("{classes: [a, b], first: 2}"), (Labels{-2, -2, 0, 1}));
  EXPECT_EQ(labels("{classes: [a, b], values: [1, -1, 0]}"), (Labels{1, -1, 0}));
  EXPECT_EQ(labels("{classes: {a: 3, b: [0, 1]}}"), (Labels{1, 1, -2, 0}));
  const Labels others = labels("{classes: {a: 3}, others: void}");
  EXPECT_EQ(others.size(), 65536U);
  EXPECT_EQ(others[3], 0);
  EXPECT_EQ(others[65535], -1);
}

TEST_F(DatasetDescriptions, ClassesHaveTheColoursOfTheirLabelMapOrOfTheGroundTruth) {
  using Colours = std::vector<DatasetDescription::Colour>;
  const std::string truth =
      "images: {folder: p}\ntruth: {folder: l, kind: colours, colours: [[1, 2, 3], [4, 5, 6], [7, 8, 9]]}\n";
  const auto colours = [&](const std::string& text, const std::string& map) {
    return kind_of(text + "label_maps: {m: " + map + "}\n").description->label_maps.at(0).colours;
  };
  EXPECT_EQ(colours(truth, "{classes: {a: [2, 0], b: 1}}"), (Colours{{1, 2, 3}, {4, 5, 6}}));
  EXPECT_EQ(colours(truth, "{classes: {a: 2, b: 1}, colours: [[0, 0, 1], [0, 0, 2]]}"),
            (Colours{{0, 0, 1}, {0, 0, 2}}));
  EXPECT_EQ(colours(small, "{classes: [a, b]}"), Colours());
  EXPECT_NE(error(small + std::string("label_maps: {m: {classes: [a, b], colours: [[1, 2, 3]]}}\n"))
                .find("1 colours for 2 classes"),
            std::string::npos);
}

TEST_F(DatasetDescriptions, MistakesNameFileAndLine) {
  const auto expect = [&](const std::string& text, const std::vector<std::string>& words) {
    const std::string message = error(text);
    for (const std::string& word : words) EXPECT_NE(message.find(word), std::string::npos) << message;
  };
  expect("images: {folder: photos}\n", {"set.yaml:1", "no key truth"});
  expect(small + std::string("colour: 3\n"), {"set.yaml:4", "colour is no key"});
  expect("images: {folder: ../photos}\ntruth: {folder: labels}\n", {"set.yaml:2", "../photos"});
  expect("images: {folder: /photos}\ntruth: {folder: labels}\n", {"set.yaml:2", "/photos"});
  expect("images: {folder: p, endings: jpg}\ntruth: {folder: l}\n", {"set.yaml:2", "jpg is no ending"});
  expect("images: {folder: p}\ntruth:\n  folder: l\n  kind: grey\n", {"set.yaml:5", "grey", "colours"});
  expect("images: {folder: p}\ntruth:\n  folder: l\n  kind: colours\n  colours: [[1, 2]]\n", {"set.yaml:6", "2 parts"});
  expect("images: {folder: p}\ntruth: {folder: l, kind: colours, colours: [[1, 2, 3], [1, 2, 3]]}\n", {"twice"});
  expect("images: {folder: p}\ntruth: {folder: l, kind: colours, colours: [[1, 2, 256]]}\n", {"256", "0 to 255"});
  expect("images: {folder: p}\ntruth: {folder: l, endings: [.bmp]}\n", {"set.yaml:3", "PNG"});
  expect("images: {folder: p}\ntruth: {folder: l, void: 1}\nlabel_maps: {m: {classes: [a, b]}}\n",
         {"value 1 is class b"});
  expect(small + std::string("label_maps:\n  m:\n    classes: {a: [1, 2], b: 2}\n"), {"set.yaml:6", "value 2 has two"});
  expect(small + std::string("label_maps: {m: {classes: [a], values: [1]}}\n"), {"-1 to 0"});
  expect(small + std::string("label_maps: {m: {classes: [a], values: [0], first: 1}}\n"), {"first", "values"});
  expect("images: {folder: p}\ntruth: {folder: l, colours: [[1, 2, 3]]}\n", {"set.yaml:3", "kind: colours"});
  expect("images: [\n", {"set.yaml:", "not YAML"});
}

TEST_F(DatasetDescriptions, PatternsHaveTheFolderThatTheyShare) {
  const auto images = [&](const std::string& files) {
    return kind_of("images: {files: " + files + "}\ntruth: {files: 'gt/*.png'}\nsplits: [val]\n").description->images;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(images("'a/{split}/*.{jpg,png}'").folders, (Texts{"a/{split}"}));
  EXPECT_EQ(images("'a/{split}/*.{jpg,png}'").patterns, (Texts{"*.{jpg,png}"}));
  EXPECT_EQ(images("['a/b/c/*.jpg', 'a/b/d_*.jpg', 'a/bc/*.jpg']").folders, (Texts{"a"}));
  EXPECT_EQ(images("['a/b/c/*.jpg', 'a/b/d_*.jpg', 'a/bc/*.jpg']").patterns,
            (Texts{"b/c/*.jpg", "b/d_*.jpg", "bc/*.jpg"}));
  EXPECT_EQ(images("'{a,b}/*.jpg'").folders, (Texts{"."}));
  EXPECT_EQ(images("['a/*.jpg', 'b/*.jpg']").folders, (Texts{"."}));
}

TEST_F(DatasetDescriptions, PatternsThatDoNotPairAreRefused) {
  const auto expect = [&](const std::string& images, const std::string& truth, const std::vector<std::string>& words) {
    const std::string message = error("images: {files: " + images + "}\ntruth: {" + truth + "}\n");
    for (const std::string& word : words) EXPECT_NE(message.find(word), std::string::npos) << message;
  };
  expect("'a/*/*.jpg'", "files: 'b/*.png'", {"set.yaml:3", "has 1 wildcards", "images 2"});
  expect("'a/*.jpg'", "files: 'b/*'", {"set.yaml:3", "how its files end"});
  expect("'a/*.jpg'", "files: 'b/*.*'", {"set.yaml:3", "how its files end"});
  expect("'a/*.jpg'", "files: 'b/*.{png,bmp}'", {"set.yaml:3", "PNG"});
  expect("'a/*.jpg'", "folder: b", {"set.yaml:3", "in both"});
  expect("'a/*.jpg'", "files: 'b/*.png', suffix: _l", {"set.yaml:3", "files says it already"});
  expect("'a/*.jpg'", "files: 'b/*.png', kind: coco_panoptic", {"set.yaml:3", "folder"});
  expect("'a/[x.jpg'", "files: 'b/*.png'", {"set.yaml:2", "no ]"});
  expect("'a/{x.jpg'", "files: 'b/*.png'", {"set.yaml:2", "brace"});
  expect("'../*.jpg'", "files: 'b/*.png'", {"set.yaml:2", "leads out"});
}

TEST_F(DatasetDescriptions, TheContentIsPartOfTheProvenance) {
  const auto settings = [&](const std::string& text) {
    (void)write("set.yaml", text);
    return settings_text(load_config(write("run.yaml", "dataset: {kind: ./set.yaml}\n"), {}), Stage::evaluate);
  };
  EXPECT_EQ(settings(small), settings(small));
  EXPECT_NE(settings(small), settings(std::string(small) + "# more\n"));
}

TEST_F(DatasetDescriptions, AFolderOfTheUserComesFirst) {
  (void)write("voc.yaml", small);
  (void)write("reef.yaml", small);
  const auto origin = [](const std::string& kind) {
    return default_config(Overrides{"dataset.kind=" + kind}).dataset.kind.description->origin;
  };
  EXPECT_EQ(origin("voc"), "configs/datasets/voc.yaml");
  ::setenv("DATUS_DATASETS", write("x.yaml", "").parent_path().c_str(), 1);
  EXPECT_NE(origin("voc"), "configs/datasets/voc.yaml");
  EXPECT_EQ(std::filesystem::path(origin("reef")).filename(), "reef.yaml");
  EXPECT_EQ(origin("camvid"), "configs/datasets/camvid.yaml");
  const auto names = dataset_names();
  EXPECT_NE(std::ranges::find(names, "reef"), names.end());
  EXPECT_TRUE(std::ranges::is_sorted(names));
  ::unsetenv("DATUS_DATASETS");
}

}  // namespace dataset_descriptions_test
}  // namespace datus::test
