// SPDX-License-Identifier: Apache-2.0
#include "dataset_test_support.hpp"

#include <algorithm>
#include <array>

namespace datus {
namespace dataset_described_test {

using test::complaint;
using test::described;
using test::expect_mentions;
using test::Labels;
using test::Names;

using Colours = std::vector<std::array<std::uint8_t, 3>>;

/// A PNG of one row of colours.
void write_colours(const std::filesystem::path& path, const Colours& colours) {
  std::filesystem::create_directories(path.parent_path());
  Image image(1, static_cast<int>(colours.size()));
  for (std::size_t i = 0; i < colours.size(); ++i)
    std::copy(colours[i].begin(), colours[i].end(), &image.pixels[3 * i]);
  write_png(path, image);
}

/// A tree of a data set as its authors pack it, with one labelled image of a row of values (`stored`), and what it
/// means.
struct Case {
  std::string kind;
  std::string split;
  std::string image;
  std::string truth;
  std::string list = {};  ///< names the stem of the image
  std::vector<std::uint8_t> stored = {};
  Colours colours = {};  ///< in place of values
  std::string label_map = {};
  Labels labels;
  std::string last_class;  ///< name of the class with the highest number
};

std::vector<Case> cases() {
  const std::string city = "/val/bern/bern_000001_000019_";
  const std::string coco = "val2017/000000000139";
  const Colours camvid = {{128, 128, 128}, {64, 0, 64}, {0, 0, 0}};
  return {
      {.kind = "cityscapes",
       .split = "val",
       .image = "leftImg8bit" + city + "leftImg8bit.png",
       .truth = "gtFine" + city + "gtFine_labelIds.png",
       .stored = {0, 7, 33, 9, 255},
       .labels = {-1, 0, 26, 2, -1},
       .last_class = "bicycle"},
      {.kind = "cityscapes",
       .split = "val",
       .image = "leftImg8bit" + city + "leftImg8bit.png",
       .truth = "gtFine" + city + "gtFine_labelIds.png",
       .stored = {0, 7, 33, 9, 255},
       .label_map = "cityscapes_19",
       .labels = {-1, 0, 18, -1, -1},
       .last_class = "bicycle"},
      {.kind = "voc",
       .split = "val",
       .image = "JPEGImages/2007_000033.jpg",
       .truth = "SegmentationClass/2007_000033.png",
       .list = "ImageSets/Segmentation/val.txt",
       .stored = {0, 20, 255},
       .labels = {0, 20, -1},
       .last_class = "tvmonitor"},
      {.kind = "pascal_context",
       .split = "val",
       .image = "JPEGImages/2008_000002.jpg",
       .truth = "SegmentationClassContext/2008_000002.png",
       .list = "ImageSets/SegmentationContext/val.txt",
       .stored = {0, 1, 59},
       .labels = {-1, 0, 58},
       .last_class = "wood"},
      {.kind = "ade20k",
       .split = "val",
       .image = "images/validation/ADE_val_00000001.jpg",
       .truth = "annotations/validation/ADE_val_00000001.png",
       .stored = {0, 1, 150},
       .labels = {-1, 0, 149},
       .last_class = "flag"},
      {.kind = "camvid",
       .split = "val",
       .image = "val/0016E5_07959.png",
       .truth = "valannot/0016E5_07959.png",
       .stored = {0, 10, 11},
       .labels = {0, 10, -1},
       .last_class = "bicyclist"},
      {.kind = "camvid_32",
       .split = "",
       .image = "701_StillsRaw_full/0001TP_006690.png",
       .truth = "LabeledApproved_full/0001TP_006690_L.png",
       .colours = camvid,
       .labels = {21, 28, -1},
       .last_class = "Wall"},
      {.kind = "camvid_32",
       .split = "",
       .image = "701_StillsRaw_full/0001TP_006690.png",
       .truth = "LabeledApproved_full/0001TP_006690_L.png",
       .colours = camvid,
       .label_map = "camvid_grouped_11",
       .labels = {0, 1, -1},
       .last_class = "bicyclist"},
      {.kind = "potsdam",
       .split = "",
       .image = "imgs/2_10_0.png",
       .truth = "gt/2_10_0.png",
       .stored = {0, 4, 1, 5, 2, 3, 255},
       .labels = {0, 0, 1, 1, 2, 2, -1},
       .last_class = "vegetation and trees"},
      {.kind = "potsdam",
       .split = "",
       .image = "imgs/2_10_0.png",
       .truth = "gt/2_10_0.png",
       .stored = {0, 5},
       .label_map = "potsdam_6",
       .labels = {0, 5},
       .last_class = "clutter"},
      {.kind = "labelmefacade",
       .split = "",
       .image = "images/street.jpg",
       .truth = "labels/street.png",
       .colours = {{128, 0, 0}, {0, 0, 128}, {0, 0, 0}},
       .labels = {0, 7, -1},
       .last_class = "window"},
      {.kind = "suim",
       .split = "",
       .image = "images/d_r_1_.jpg",
       .truth = "masks/d_r_1_.png",
       .colours = {{9, 120, 250}, {0, 0, 0}, {255, 255, 255}},
       .labels = {0, 5, 5},
       .last_class = "background"},
      {.kind = "coco_stuff_ids",
       .split = "val",
       .image = coco + ".jpg",
       .truth = "annotations/" + coco + ".png",
       .stored = {0, 1, 157, 182},
       .label_map = "coco_stuff_182",
       .labels = {-1, 0, 156, 181},
       .last_class = "wood"},
      {.kind = "coco_stuff_ids",
       .split = "val",
       .image = coco + ".jpg",
       .truth = "annotations/" + coco + ".png",
       .stored = {0, 12, 13, 182},
       .label_map = "coco_stuff_171",
       .labels = {-1, -1, 11, 170},
       .last_class = "wood"},
  };
}

DatasetOptions make(const Case& example, const test::TempFolder& root) {
  test::write_picture(root / example.image);
  if (example.colours.empty()) {
    test::write_labels(root / example.truth, example.stored);
  } else {
    write_colours(root / example.truth, example.colours);
  }
  const std::string stem = std::filesystem::path(example.image).stem().string();
  if (!example.list.empty()) test::write_text(root / example.list, stem + "\n");
  DatasetOptions options;
  options.kind = described(example.kind);
  options.images = root.path();
  options.split = example.split;
  if (!example.label_map.empty()) options.label_map = example.label_map;
  return options;
}

TEST(DescribedDataset, EachShippedOneReadsItsTree) {
  for (const Case& example : cases()) {
    SCOPED_TRACE(example.kind + " " + example.label_map);
    const test::TempFolder root;
    const auto dataset = open_dataset(make(example, root));
    ASSERT_EQ(dataset->items().size(), 1U);
    EXPECT_EQ(dataset->items()[0].image.lexically_normal(), root / example.image);
    EXPECT_EQ(dataset->items()[0].truth.lexically_normal(), root / example.truth);
    EXPECT_EQ(test::first_truth(*dataset), example.labels);
    EXPECT_EQ(dataset->classes().back(), example.last_class);
    EXPECT_EQ(dataset->read_truth_header(dataset->items()[0]).height, 1);
  }
}

TEST(DescribedDataset, AVoidValueThatHasNoEffectIsSaid) {
  const auto tried = cases();
  const auto camvid = std::ranges::find(tried, "camvid", &Case::kind);
  for (const auto& [value, notes] : {std::pair{255, 0U}, {11, 0U}, {7, 1U}}) {
    const test::TempFolder root;
    DatasetOptions options = make(*camvid, root);
    options.void_value = value;
    const auto dataset = open_dataset(options);
    ASSERT_EQ(dataset->truth_notes().size(), notes) << value;
    for (const std::string& note : dataset->truth_notes()) {
      EXPECT_NE(note.find("dataset.void has no effect"), std::string::npos) << note;
    }
    EXPECT_EQ(test::first_truth(*dataset), camvid->labels);
  }
}

TEST(DescribedDataset, EachShippedOneIsTriedOrHasATestOfItsOwn) {
  const auto tried = cases();
  for (const DatasetText& text : shipped_datasets()) {
    EXPECT_FALSE(parse_dataset(text)->about.empty()) << text.name;
    if (text.name == "coco_stuff" || text.name == "coco_panoptic") continue;
    EXPECT_NE(std::ranges::find(tried, text.name, &Case::kind), tried.end()) << text.name;
  }
}

TEST(DescribedDataset, CocoPanopticHasTheCategoriesOfItsSegments) {
  const test::TempFolder root;
  test::write_picture(root / "val2017/000000000139.jpg");
  // Ids 1 + 256 * 2, 3 * 65536 and none.
  write_colours(root / "annotations/panoptic_val2017/000000000139.png", {{1, 2, 0}, {0, 0, 3}, {0, 0, 0}});
  DatasetOptions options;
  options.kind = described("coco_panoptic");
  options.images = root.path();
  options.split = "val";
  expect_mentions(complaint(options), {"panoptic_val2017.json"});
  const auto with_segments = [&](const std::string& segments) {
    test::write_text(
        root / "annotations/panoptic_val2017.json",
        R"({"images": [], "annotations": [{"file_name": "000000000139.png", "segments_info": [)" + segments + "]}]}");
    return open_dataset(options);
  };
  const std::string both = R"({"id": 513, "category_id": 1, "area": 3}, {"id": 196608, "category_id": 187})";
  EXPECT_EQ(test::first_truth(*with_segments(both)), (Labels{9, 23, -1}));
  options.label_map = "coco_panoptic_133";
  EXPECT_EQ(test::first_truth(*with_segments(both))[0], 0);
  expect_mentions(
      test::error_of<InputError>([&] { (void)test::first_truth(*with_segments(R"({"id": 513, "category_id": 1})")); }),
      {"000000000139.png", "id 196608", "column 1", "panoptic_val2017.json"});
  for (const char* segment :
       {"{}", R"({"id": 513})", R"({"id": 513, "category_id": 65536})", R"({"id": 513, "category_id": -1})",
        R"({"id": {"id": 513}, "category_id": 1})", R"({"id": 513, "category_id": "1"})"}) {
    expect_mentions(test::error_of<InputError>([&] { (void)test::first_truth(*with_segments(segment)); }),
                    {"panoptic_val2017.json", "a segment has no id"});
  }
  const auto with_text = [&](const std::string& text) {
    test::write_text(root / "annotations/panoptic_val2017.json", text);
    return test::error_of<InputError>([&] { (void)test::first_truth(*open_dataset(options)); });
  };
  const std::string brackets(100000, '[');
  expect_mentions(with_text(R"({"annotations": [{"other": )" + brackets), {"panoptic_val2017.json", "too deeply"});
  expect_mentions(with_text(R"({"annotations": [{"file_name": "a.png"}]})"), {"no file_name or segments_info"});
  expect_mentions(with_text(R"({"other": [{"annotations": []}]})"), {"no annotations"});
  expect_mentions(with_text(R"({"annotations": [)"), {"panoptic_val2017.json", "parse error"});
  // What is called the same elsewhere is something else.
  const std::string aside =
      R"({"file_name": "000000000139.png", "other": {"file_name": "b.png", "segments_info": [{"id": 1}]},)"
      R"( "segments_info": [{"id": 513, "other": {"id": 7}, "category_id": 1},)"
      R"( {"category_id": 187, "id": 196608, "bbox": [1, 2]}], "id": 4})";
  options.label_map.reset();
  test::write_text(root / "annotations/panoptic_val2017.json",
                   R"({"categories": [{"id": 3}], "annotations": [)" + aside + R"(], "id": 5})");
  EXPECT_EQ(test::first_truth(*open_dataset(options)), (Labels{9, 23, -1}));
}

TEST(DescribedDataset, AWrongTreeSaysWhatWasLookedForAndWhatIsThere) {
  const test::TempFolder root;
  DatasetOptions options = make(cases()[0], root);
  options.split = "tset";
  expect_mentions(complaint(options),
                  {"tset", "leftImg8bit/tset", "cityscapes.yaml:", "2 folders and 0 files", "gtFine"});
  options.split.clear();
  expect_mentions(complaint<UsageError>(options), {"dataset.split", "leftImg8bit/val", "train, val, test"});
  options.split = "val";
  std::filesystem::remove_all(root / "gtFine");
  expect_mentions(complaint<UsageError>(options), {"dataset.truth", "gtFine/val", "1 folder and 0 files"});

  const test::TempFolder voc;
  options = make(cases()[2], voc);
  std::filesystem::remove(voc / "ImageSets/Segmentation/val.txt");
  expect_mentions(complaint(options), {"ImageSets/Segmentation/val.txt", "voc.yaml", "3 folders"});
}

TEST(DescribedDataset, ListedImagesMayHaveNoTruth) {
  const test::TempFolder root;
  const DatasetOptions options = make(cases()[2], root);
  test::write_picture(root / "JPEGImages/2007_000034.jpg");
  test::write_picture(root / "JPEGImages/of_no_list.jpg");
  test::write_text(root / "ImageSets/Segmentation/val.txt", "2007_000033\n2007_000034\n");
  const auto dataset = open_dataset(options);
  EXPECT_EQ(test::names_of(*dataset), (Names{"2007_000033.jpg", "2007_000034.jpg"}));
  EXPECT_EQ(dataset->truth_count(), 1);
}

TEST(DescribedDataset, ColoursThatAreNoneAreErrors) {
  const test::TempFolder root;
  const DatasetOptions options = make(cases()[10], root);
  write_colours(root / "labels/street.png", {{128, 0, 0}, {126, 0, 0}});
  expect_mentions(test::error_of<InputError>([&] { (void)test::first_truth(*open_dataset(options)); }),
                  {"street.png", "(126, 0, 0)", "column 1", "(128, 0, 0)", "truth.within"});
}

}  // namespace dataset_described_test
}  // namespace datus
