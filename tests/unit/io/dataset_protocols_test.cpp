// SPDX-License-Identifier: Apache-2.0
#include "dataset_test_support.hpp"

#include <array>
#include <map>

namespace datus {
namespace dataset_protocols_test {

using test::Bytes;
using test::complaint;
using test::described;
using test::expect_mentions;
using test::first_truth;
using test::Labels;
using test::Names;
using test::names_of;

nlohmann::json protocol(const std::string& file) {
  return test::read_json("../../configs/protocols/" + file);
}

/// Class names of a label map.
Names classes_of(const std::string& name, std::size_t map = 0) {
  return described(name).description->label_maps.at(map).classes;
}

TEST(Protocols, CocoStuffEqualsItsFile) {
  const auto file = protocol("coco_stuff_27.json");
  const auto coco = described("coco_stuff").description;
  EXPECT_EQ(coco->label_maps.at(0).classes, file["classes"].get<Names>());
  EXPECT_EQ(coco->label_maps.at(0).labels, file["fine_to_coarse"].get<Labels>());
  const auto ids = described("coco_stuff_ids").description;
  ASSERT_EQ(ids->label_maps.size(), coco->label_maps.size());
  for (std::size_t map = 0; map < coco->label_maps.size(); ++map) {
    Labels one_later = coco->label_maps[map].labels;
    one_later.insert(one_later.begin(), -1);
    one_later.resize(256, DatasetDescription::unknown);
    one_later[255] = -1;
    EXPECT_EQ(ids->label_maps[map].labels, one_later) << map;
    EXPECT_EQ(ids->label_maps[map].classes, coco->label_maps[map].classes) << map;
  }
}

TEST(Protocols, SuimEqualsItsFile) {
  const auto file = protocol("suim.json");
  const auto suim = described("suim").description;
  ASSERT_EQ(suim->colours.size(), 8U);
  for (const auto& [bits, entry] : file["rgb_bits_to_class_8"].items()) {
    const auto at = [&](std::size_t channel) { return static_cast<std::uint8_t>(bits[channel] == '1' ? 255 : 0); };
    const DatasetDescription::Colour colour = {at(0), at(1), at(2)};
    const auto value = static_cast<std::size_t>(entry[2].get<int>());
    EXPECT_EQ(suim->colours.at(value), colour) << bits;
    EXPECT_EQ(suim->label_maps.at(1).classes.at(value), entry[1]) << bits;
    EXPECT_EQ(suim->label_maps.at(0).labels.at(value), file["rgb_bits_to_class_6"][bits]) << bits;
  }
}

/// A 24-bit BMP of one row.
Bytes bmp_row(const std::vector<std::array<std::uint8_t, 3>>& colours) {
  Bytes bytes(54, 0);
  bytes[0] = 'B';
  bytes[1] = 'M';
  bytes[10] = 54;
  bytes[14] = 40;
  bytes[18] = static_cast<std::uint8_t>(colours.size());
  bytes[22] = 1;
  bytes[26] = 1;
  bytes[28] = 24;
  for (const auto& [red, green, blue] : colours) bytes.insert(bytes.end(), {blue, green, red});
  while (bytes.size() % 4 != 2) bytes.push_back(0);
  return bytes;
}

DatasetOptions make_suim(const test::TempFolder& root) {
  // All eight colours in the order of their classes, with the noise of the real files.
  const auto mask = bmp_row({{3, 0, 250},
                             {255, 2, 127},
                             {128, 255, 0},
                             {255, 0, 255},
                             {0, 255, 255},
                             {0, 255, 0},
                             {255, 255, 255},
                             {0, 0, 0}});
  test::write_picture(root / "images/d_r_1_.jpg");
  test::write_file(root / "masks/d_r_1_.bmp", mask);
  test::write_file(root / "masks/RO/d_r_1_.bmp", mask);
  DatasetOptions options;
  options.kind = described("suim");
  options.images = root / "images";
  options.truth = root / "masks";
  return options;
}

TEST(Suim, SixClassesUnlessEightAreAskedFor) {
  const test::TempFolder root;
  DatasetOptions options = make_suim(root);
  auto dataset = open_dataset(options);
  EXPECT_EQ(first_truth(*dataset), (Labels{0, 1, 2, 3, 4, 5, 5, 5}));
  EXPECT_EQ(dataset->classes(), classes_of("suim"));
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"d_r_1_.bmp"}));
  // A configuration makes paths absolute, a built-in map's name too.
  for (const std::filesystem::path& name : {std::filesystem::path("suim8"), root / "suim8"}) {
    options.label_map = name;
    dataset = open_dataset(options);
    EXPECT_EQ(first_truth(*dataset), (Labels{0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(dataset->classes(), classes_of("suim", 1));
  }
  options.label_map = test::write_text(root / "map.json", "[0, 0, 0, 0, 0, 0, 1, -1]");
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, 0, 0, 0, 0, 0, 1, -1}));
  options.label_map = "suim7";
  expect_mentions(complaint(options), {"suim7", "suim6, suim8"});
  options.label_map = "suim6";
  options.classes = "5";
  expect_mentions(complaint(options), {"suim6", "class 5"});
}

TEST(Suim, NeedsMasks) {
  const test::TempFolder root;
  DatasetOptions options = make_suim(root);
  EXPECT_EQ(open_dataset(options)->read_truth_header(open_dataset(options)->items().front()).width, 8);
  test::write_picture(root / "images/other.jpg");
  EXPECT_EQ(test::truth_names_of(*open_dataset(options)), (Names{"d_r_1_.bmp", ""}));
  std::filesystem::remove(root / "masks/d_r_1_.bmp");
  expect_mentions(complaint(options), {"d_r_1_.jpg", "d_r_1_.bmp"});
  options.truth.reset();
  expect_mentions(complaint<UsageError>(options), {"dataset.truth"});
}

TEST(Suim, AListOfImagesHasItsMasksToo) {
  const test::TempFolder root;
  DatasetOptions options = make_suim(root);
  options.images = test::write_text(root / "images/list.txt", "d_r_1_.jpg\n");
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, 1, 2, 3, 4, 5, 5, 5}));
  test::write_text(root / "images/list.txt", "d_r_1_.jpg\t../masks/d_r_1_.bmp\n");
  options.truth.reset();
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, 1, 2, 3, 4, 5, 5, 5}));
}

TEST(PlainFiles, AreOfTheKindThatTheirTruthIsOf) {
  const test::TempFolder root;
  const auto list = test::write_text(root / "list.txt", "a.jpg\n");
  for (const std::string kind : {"folder", "list", "index_png"}) {
    EXPECT_EQ(kind_of_plain_files(kind, root.path(), true).name, "index_png");
    EXPECT_EQ(kind_of_plain_files(kind, root.path(), false).name, "folder");
    EXPECT_EQ(kind_of_plain_files(kind, list, true).name, "list");
    EXPECT_EQ(kind_of_plain_files(kind, list, false).name, "list");
  }
  for (const std::string name : {"suim", "coco_stuff"}) {
    const DatasetType kind = described(name);
    EXPECT_EQ(kind_of_plain_files(kind, root.path(), true), kind);
    EXPECT_EQ(kind_of_plain_files(kind, root.path(), false).name, "folder");
    EXPECT_EQ(kind_of_plain_files(kind, list, true), kind);
  }
}

DatasetOptions make_coco(const test::TempFolder& root) {
  for (const std::string id : {"000000000139", "000000000285"}) {
    test::write_picture(root / ("coco/val2017/" + id + ".jpg"));
    test::write_labels(root / ("coco/stuffthingmaps/val2017/" + id + ".png"), {0, 156, 181, 255, 157, 123});
    test::write_picture(root / ("coco/train2017/" + id + "7.jpg"));
  }
  DatasetOptions options;
  options.kind = described("coco_stuff");
  options.images = root / "coco";
  options.truth = root / "coco/stuffthingmaps";
  options.split = "val2017";
  return options;
}

TEST(CocoStuff, RootsAndSplitFoldersAreTheSame) {
  const test::TempFolder root;
  DatasetOptions options = make_coco(root);
  const auto expect_opens = [&] {
    const auto dataset = open_dataset(options);
    EXPECT_EQ(names_of(*dataset), (Names{"000000000139.jpg", "000000000285.jpg"}));
    EXPECT_EQ(test::truth_names_of(*dataset), (Names{"000000000139.png", "000000000285.png"}));
    EXPECT_EQ(dataset->classes(), classes_of("coco_stuff"));
  };
  expect_opens();
  options.truth = root / "coco";
  expect_opens();
  options.images = root / "coco/val2017/";
  options.truth = root / "coco/stuffthingmaps/val2017/";
  expect_opens();
  options.split.clear();
  expect_opens();

  options.images = root / "coco";
  expect_mentions(complaint<UsageError>(options), {"dataset.split"});
  options.split = "test2017";
  expect_mentions(complaint(options), {"test2017", "dataset.images"});
  options.split = "val2017";
  options.truth.reset();
  expect_opens();
  std::filesystem::remove_all(root / "coco/stuffthingmaps");
  EXPECT_FALSE(open_dataset(options)->has_truth()) << "the images are not their own ground truth";
}

TEST(CocoStuff, PlainFoldersAndListsAreReadWithTheSameMap) {
  const test::TempFolder root;
  test::write_picture(root / "photos/a.jpg");
  test::write_picture(root / "photos/sub/b.jpg");
  test::write_labels(root / "truth/a.png", {0, 255});
  test::write_labels(root / "truth/sub/b.png", {156});
  DatasetOptions options;
  options.kind = described("coco_stuff");
  options.images = root / "photos";
  options.truth = root / "truth";
  const auto fine_to_coarse = protocol("coco_stuff_27.json")["fine_to_coarse"].get<Labels>();
  const auto expect_both = [&] {
    const auto dataset = open_dataset(options);
    EXPECT_EQ(names_of(*dataset), (Names{"a.jpg", "sub/b.jpg"}));
    EXPECT_EQ(first_truth(*dataset), (Labels{fine_to_coarse[0], -1}));
    EXPECT_EQ(dataset->read_truth(dataset->items()[1]).labels, (Labels{fine_to_coarse[156]}));
    EXPECT_EQ(dataset->classes(), classes_of("coco_stuff"));
  };
  expect_both();
  options.images = test::write_text(root / "photos/list.txt", "a.jpg\nsub/b.jpg\n");
  expect_both();
  options.images = root / "photos";
  options.images_are_predictions = true;
  expect_both();
  test::write_labels(root / "truth/sub/c.png", {0});
  expect_mentions(complaint(options), {"sub/c.png", "no prediction"});
}

TEST(CocoStuff, LabelMaps) {
  const test::TempFolder root;
  DatasetOptions options = make_coco(root);
  const auto fine_to_coarse = protocol("coco_stuff_27.json")["fine_to_coarse"].get<Labels>();
  std::map<std::string, Labels> expected;
  for (const int fine : {0, 156, 181, 255, 157, 123}) {
    const int coarse = fine == 255 ? -1 : fine_to_coarse[static_cast<std::size_t>(fine)];
    expected["coco_stuff_27"].push_back(coarse);
    expected["coco_stuff_15"].push_back(std::max(coarse - 12, -1));
    const std::map<int, int> three = {{23, 0}, {22, 1}, {21, 2}};
    expected["coco_stuff_3"].push_back(three.contains(coarse) ? three.at(coarse) : -1);
  }
  EXPECT_EQ(first_truth(*open_dataset(options)), expected["coco_stuff_27"]);
  for (const auto& [name, labels] : expected) {
    options.label_map = name;
    const auto dataset = open_dataset(options);
    EXPECT_EQ(first_truth(*dataset), labels) << name;
    EXPECT_EQ(std::to_string(dataset->classes().size()), name.substr(name.rfind('_') + 1));
  }
  EXPECT_EQ(open_dataset(options)->classes(), (Names{"sky", "plant", "ground"}));
  test::write_labels(root / "coco/stuffthingmaps/val2017/000000000139.png", {0, 182});
  expect_mentions(test::error_of<InputError>([&] { (void)first_truth(*open_dataset(options)); }),
                  {"000000000139.png", "value 182", "column 1"});
}

TEST(CocoStuff, CuratedLists) {
  const test::TempFolder root;
  DatasetOptions options = make_coco(root);
  const auto with_list = [&](const std::string& text) { options.list = test::write_text(root / "ids.txt", text); };
  with_list("000000000285\n000000000139.jpg\n");
  EXPECT_EQ(names_of(*open_dataset(options)), (Names{"000000000285.jpg", "000000000139.jpg"}));
  with_list("000000000285\n\n000000000285\n");
  expect_mentions(complaint(options), {"ids.txt, line 3", "line 1"});
  with_list("val2017/000000000285\n");
  expect_mentions(complaint(options), {"ids.txt, line 1", "val2017/000000000285"});
  with_list("000000000999\n");
  expect_mentions(complaint(options), {"000000000999.jpg", "000000000999.png"});
  options.truth.reset();
  std::filesystem::remove_all(root / "coco/stuffthingmaps");
  EXPECT_EQ(names_of(*open_dataset(options)), (Names{"000000000999.jpg"}));  // found missing when it is read
}

}  // namespace dataset_protocols_test
}  // namespace datus
