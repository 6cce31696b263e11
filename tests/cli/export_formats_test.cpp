// SPDX-License-Identifier: Apache-2.0
#include "cli/exported_run.hpp"
#include "cli/suite_folder.hpp"
#include "datus/io/image_reader.hpp"
#include "support/filled_polygon.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

// What other programs read, read back by what their formats say.
namespace datus::test {
namespace export_formats_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class ExportFormats : public SuiteFolder<ExportFormats> {
 protected:
  static void SetUpTestSuite() {
    const Outcome outcome = make_exported_run(suite_folder().path());
    ASSERT_EQ(outcome.code, 0) << outcome;
  }
  void SetUp() override {
    wanted_ = classes_of(masks_of(path("run/masks/k003")), mapping_of(path("run")));
    ASSERT_EQ(wanted_.size(), 5U);
  }

  [[nodiscard]] static fs::path path(const std::string& name) { return suite_folder() / name; }
  static Outcome exported(const std::string& format, const Arguments& more = {}) {
    fs::remove_all(path("out"));
    Arguments arguments = {"export", "run", "--to", format, "--out", "out"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Outcome outcome = run_program(arguments, {.folder = suite_folder().path()});
    EXPECT_EQ(outcome.code, 0) << outcome;
    return outcome;
  }
  [[nodiscard]] static Json json(const std::string& name) { return Json::parse(bytes_of(path("out") / name)); }
  /// Whether each file is the photo of that name, by its bytes.
  static void expect_photos(const fs::path& folder, const std::vector<std::string>& names) {
    std::vector<std::string> originals = files_below(path("images"));
    ASSERT_EQ(originals.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(bytes_of(folder / names[i]), bytes_of(path("images") / originals[i])) << names[i];
    }
  }

  std::map<std::string, LabelMap> wanted_;
};

/// The images of a COCO file by their id.
std::map<int, Json> images_of(const Json& file) {
  std::map<int, Json> images;
  for (const Json& image : file["images"]) images[image["id"]] = image;
  return images;
}

/// As maskApi.c reads it: column by column.
void draw_coco(const std::string& counts, std::int32_t label, LabelMap& map) {
  std::vector<std::int64_t> runs;
  for (std::size_t i = 0; i < counts.size();) {
    std::int64_t value = 0;
    int shift = 0;
    for (bool more = true; more; shift += 5) {
      const int character = counts.at(i++) - 48;
      value |= std::int64_t{character & 31} << shift;
      more = (character & 32) != 0;
      if (!more && (character & 16) != 0) value |= -(std::int64_t{1} << (shift + 5));
    }
    if (runs.size() > 2) value += runs[runs.size() - 2];
    runs.push_back(value);
  }
  std::int64_t at = 0;
  for (std::size_t i = 0; i < runs.size(); at += runs[i++]) {
    for (std::int64_t p = at; i % 2 == 1 && p < at + runs[i]; ++p) {
      auto& pixel = map.labels.at(static_cast<std::size_t>(p % map.height * map.width + p / map.height));
      EXPECT_EQ(pixel, no_label) << "two masks overlap";
      pixel = label;
    }
  }
  EXPECT_EQ(at, std::int64_t{map.height} * map.width);
}

TEST_F(ExportFormats, CocoRle) {
  exported("coco-rle");
  const auto images = images_of(json("images.json"));
  EXPECT_EQ(images.size(), wanted_.size());
  EXPECT_EQ(json("images.json")["categories"][1]["name"], "rock: a/b");
  std::map<std::string, LabelMap> found;
  for (const auto& [id, image] : images) {
    found[stem_of(image["file_name"].get<std::string>())] = LabelMap(image["height"], image["width"]);
  }
  for (const Json& result : json("results.json")) {
    const Json& image = images.at(result["image_id"]);
    EXPECT_EQ(result["segmentation"]["size"], Json({image["height"], image["width"]}));
    draw_coco(result["segmentation"]["counts"], result["category_id"],
              found.at(stem_of(image["file_name"].get<std::string>())));
  }
  for (const auto& [name, map] : wanted_) EXPECT_EQ(found.at(name).labels, map.labels) << name;
}

TEST_F(ExportFormats, CocoPanoptic) {
  exported("coco-panoptic");
  const Json file = json("panoptic.json");
  EXPECT_EQ(file["annotations"].size(), wanted_.size());
  EXPECT_EQ(file["categories"][0]["isthing"], 0);
  const auto images = images_of(file);
  for (const Json& annotation : file["annotations"]) {
    const std::string name = stem_of(images.at(annotation["image_id"])["file_name"].get<std::string>());
    const Image picture = read_image(path("out/panoptic") / annotation["file_name"].get<std::string>());
    const LabelMap& map = wanted_.at(name);
    ASSERT_EQ(picture.width, map.width);
    std::map<int, int> category = {{0, no_label}};
    std::map<int, std::int64_t> area;
    for (const Json& segment : annotation["segments_info"]) category[segment["id"]] = segment["category_id"];
    std::map<int, std::array<int, 4>> box;
    for (int y = 0; y < map.height; ++y) {
      for (int x = 0; x < map.width; ++x) {
        const auto i = static_cast<std::size_t>(y * map.width + x);
        const int id = picture.pixels[3 * i] + 256 * picture.pixels[3 * i + 1] + 65536 * picture.pixels[3 * i + 2];
        ASSERT_EQ(category.at(id), map.labels[i]) << name;
        ++area[id];
        auto& [left, top, right, bottom] = box.try_emplace(id, std::array{x, y, x, y}).first->second;
        left = std::min(left, x), top = std::min(top, y), right = std::max(right, x), bottom = std::max(bottom, y);
      }
    }
    for (const Json& segment : annotation["segments_info"]) {
      const auto& [left, top, right, bottom] = box.at(segment["id"]);
      EXPECT_EQ(segment["area"], area.at(segment["id"]));
      EXPECT_EQ(segment["bbox"], Json({left, top, right - left + 1, bottom - top + 1}));
    }
  }
}

TEST_F(ExportFormats, Mmseg) {
  const Outcome outcome = exported("mmseg");
  EXPECT_NE(outcome.err.find("1 photos get the ending .png"), std::string::npos) << outcome;
  expect_photos(path("out/img_dir/train"), {"a.png", "b.png", "c.png", "sub/d.png", "white.png"});
  EXPECT_TRUE(fs::is_symlink(path("out/img_dir/train/sub/d.png")));
  EXPECT_TRUE(fs::read_symlink(path("out/img_dir/train/sub/d.png")).is_relative());
  const auto found = masks_of(path("out/ann_dir/train"));
  for (const auto& [name, map] : wanted_) EXPECT_EQ(found.at(name).labels, map.labels) << name;
  const std::string config = bytes_of(path("out/dataset.py"));
  for (const char* part :
       {"\"sea floor\",\n        \"rock: a/b\",\n", "img_suffix=\".png\"", "ignore_index=255", "num_classes=2"}) {
    EXPECT_NE(config.find(part), std::string::npos) << part << "\n" << config;
  }
}

TEST_F(ExportFormats, PhotosAreCopiedWhereThatIsAskedFor) {
  exported("mmseg", {"--images", "copy"});
  EXPECT_FALSE(fs::is_symlink(path("out/img_dir/train/a.png")));
  expect_photos(path("out/img_dir/train"), {"a.png", "b.png", "c.png", "sub/d.png", "white.png"});
}

TEST_F(ExportFormats, Nnunet) {
  exported("nnunet");
  const Json file = json("dataset.json");
  EXPECT_EQ(file["numTraining"], 5);
  EXPECT_EQ(file["file_ending"], ".png");
  EXPECT_EQ(file["labels"], Json({{"background", 0}, {"sea floor", 1}, {"rock: a/b", 2}, {"ignore", 3}}));
  for (const auto& [name, map] : wanted_) {
    const std::string flat = name == "sub/d" ? "sub__d" : name;
    const LabelMap stored = read_mask(path("out/labelsTr/" + flat + ".png"));
    for (std::size_t i = 0; i < map.labels.size(); ++i) {
      ASSERT_EQ(stored.labels[i], map.labels[i] < 0 ? 3 : map.labels[i] + 1) << name;
    }
    const std::string original = name + (name == "sub/d" ? ".jpg" : ".png");
    EXPECT_EQ(read_image(path("out/imagesTr/" + flat + "_0000.png")).pixels,
              read_image(path("images/" + original)).pixels);
  }
}

TEST_F(ExportFormats, YoloSeg) {
  exported("yolo-seg");
  expect_photos(path("out/images/train"), {"a.png", "b.png", "c.png", "sub/d.jpg", "white.png"});
  EXPECT_NE(bytes_of(path("out/data.yaml")).find("  1: \"rock: a/b\"\n"), std::string::npos);
  for (const auto& [name, map] : wanted_) {
    LabelMap found(map.height, map.width);
    std::istringstream lines(bytes_of(path("out/labels/train/" + name + ".txt")));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      int label = -1;
      words >> label;
      std::vector<Point> corners;
      for (Point corner; words >> corner.x >> corner.y;)
        corners.push_back({corner.x * map.width, corner.y * map.height});
      fill_polygon(corners, label, found);
    }
    EXPECT_EQ(found.labels, map.labels) << name;
  }
}

/// As @thi.ng/rle-pack unpacks it.
std::vector<int> unpacked(const std::vector<int>& bytes) {
  std::size_t bit = 0;
  const auto take = [&](int bits) {
    unsigned value = 0;
    for (int i = 0; i < bits; ++i, ++bit)
      value = 2 * value + (static_cast<unsigned>(bytes.at(bit / 8)) >> (7 - bit % 8) & 1U);
    return value;
  };
  const unsigned count = take(32);
  const int word = static_cast<int>(take(5)) + 1;
  std::array<int, 4> sizes{};
  for (int& size : sizes) size = static_cast<int>(take(4)) + 1;
  std::vector<int> values;
  while (values.size() < count) {
    const bool is_run = take(1) == 1;
    const unsigned length = take(sizes.at(take(2))) + 1;
    if (is_run) {
      values.insert(values.end(), length, static_cast<int>(take(word)));
    } else {
      for (unsigned i = 0; i < length; ++i) values.push_back(static_cast<int>(take(word)));
    }
  }
  return values;
}

TEST_F(ExportFormats, LabelStudio) {
  exported("label-studio");
  expect_photos(path("out/images"), {"a.png", "b.png", "c.png", "sub/d.jpg", "white.png"});
  EXPECT_NE(bytes_of(path("out/labels.xml")).find("<Label value=\"rock: a/b\" background=\"#"), std::string::npos);
  const std::vector<std::string> names = {"sea floor", "rock: a/b"};
  const std::string front = "/data/local-files/?d=out/images/";
  EXPECT_EQ(json("tasks.json").size(), wanted_.size());
  for (const Json& task : json("tasks.json")) {
    const std::string address = task["data"]["image"];
    ASSERT_TRUE(address.starts_with(front)) << address;
    const LabelMap& map = wanted_.at(stem_of(address.substr(front.size())));
    LabelMap found(map.height, map.width);
    for (const Json& stroke : task["predictions"][0]["result"]) {
      EXPECT_EQ(stroke["original_width"], map.width);
      EXPECT_EQ(stroke["original_height"], map.height);
      const auto label = std::ranges::find(names, stroke["value"]["brushlabels"][0].get<std::string>()) - names.begin();
      const auto values = unpacked(stroke["value"]["rle"].get<std::vector<int>>());
      ASSERT_EQ(values.size(), 4 * map.labels.size());
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] == 255) found.labels[i / 4] = static_cast<std::int32_t>(label);
        ASSERT_EQ(values[i], values[i - i % 4]);
      }
    }
    EXPECT_EQ(found.labels, map.labels) << address;
  }
}

TEST_F(ExportFormats, Cvat) {
  exported("cvat");
  EXPECT_EQ(bytes_of(path("out/ImageSets/Segmentation/default.txt")), "a\nb\nc\nsub/d\nwhite\n");
  std::map<std::vector<int>, int> label_of;
  std::istringstream lines(bytes_of(path("out/labelmap.txt")));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "# label:color_rgb:parts:actions");
  for (int label = -1; std::getline(lines, line); ++label) {
    std::istringstream colour(line.substr(line.find(':') + 1));
    std::vector<int> values(3);
    char comma = 0;
    colour >> values[0] >> comma >> values[1] >> comma >> values[2];
    label_of[values] = label;
  }
  EXPECT_EQ(label_of.size(), 3U);
  for (const auto& [name, map] : wanted_) {
    const Image picture = read_image(path("out/SegmentationClass/" + name + ".png"));
    for (std::size_t i = 0; i < map.labels.size(); ++i) {
      const std::vector<int> colour = {picture.pixels[3 * i], picture.pixels[3 * i + 1], picture.pixels[3 * i + 2]};
      ASSERT_EQ(label_of.at(colour), map.labels[i]) << name;
    }
  }
}

TEST_F(ExportFormats, Hdf5) {
  exported("hdf5");
  const Hdf5Reader file(path("out/masks.h5"));
  EXPECT_EQ(file.verify(), VerifyResult::verified);
  const auto names = file.names("name");
  EXPECT_EQ(names, (std::vector<std::string>{"a.png", "b.png", "c.png", "sub/d.jpg", "white.png"}));
  EXPECT_EQ(file.names("class_name"), (std::vector<std::string>{"sea floor", "rock: a/b"}));
  EXPECT_EQ(file.read<std::int32_t>("class_of_cluster"), mapping_of(path("run")));
  EXPECT_EQ(file.shape("palette"), (Shape{3, 3}));
  EXPECT_EQ(file.attribute<std::int64_t>("/", "unassigned"), 255);
  std::int64_t pixels = 0;
  for (const auto& [name, map] : masks_of(path("run/masks/k003"))) {
    const auto place = std::ranges::find_if(names, [&](const std::string& it) { return stem_of(it) == name; });
    const std::string dataset = "mask/00000" + std::to_string(place - names.begin());
    EXPECT_EQ(file.shape(dataset), (Shape{map.height, map.width}));
    const auto values = file.read<std::uint8_t>(dataset);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(values[i], map.labels[i] < 0 ? 255 : map.labels[i]) << name;
    }
    pixels += std::ssize(values);
  }
  EXPECT_LT(static_cast<std::int64_t>(fs::file_size(path("out/masks.h5"))), pixels) << "it is not compressed";
}

}  // namespace export_formats_test
}  // namespace datus::test
