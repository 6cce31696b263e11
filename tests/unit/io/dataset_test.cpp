// SPDX-License-Identifier: Apache-2.0
#include "datus/io/dataset.hpp"

#include "dataset_test_support.hpp"

namespace datus {
namespace dataset_test {

using test::complaint;
using test::expect_mentions;
using test::first_truth;
using test::Labels;
using test::Names;
using test::names_of;

DatasetOptions folder_options(const std::filesystem::path& images) {
  DatasetOptions options;
  options.images = images;
  return options;
}

TEST(Dataset, FolderListsImagesRecursivelyInByteOrder) {
  const test::TempFolder root;
  for (const std::string name :
       {"b/2.JPG", "b/10.png", "B.jpeg", "a-b.bmp", "a/z.jpg", "a.png", "\xc3\xa9t\xc3\xa9.jpg", "a/notes.txt",
        ".hidden.png", ".cache/x.png", "png", "b/.png", "list.txt"}) {
    test::write_text(root / name, "");
  }
  std::filesystem::create_symlink("nowhere", root / "dangling.png");
  const auto dataset = open_dataset(folder_options(root.path()));
  EXPECT_EQ(names_of(*dataset), (Names{"B.jpeg", "a-b.bmp", "a.png", "a/z.jpg", "b/10.png", "b/2.JPG", "dangling.png",
                                       "\xc3\xa9t\xc3\xa9.jpg"}));
  EXPECT_EQ(dataset->items()[3].image, root / "a/z.jpg");
  EXPECT_FALSE(dataset->has_truth());
  EXPECT_TRUE(dataset->classes().empty());
  EXPECT_TRUE(dataset->items()[0].truth_name.empty());
  EXPECT_THROW((void)dataset->read_truth(dataset->items()[0]), UsageError);
}

TEST(Dataset, FolderRefusesWhatIsNotUnique) {
  const test::TempFolder root;
  expect_mentions(complaint(folder_options(root.path())), {root.path().string(), ".jpg"});
  expect_mentions(complaint(folder_options(root / "none")), {"none", "No such file"});
  test::write_text(root / "a.png", "");
  test::write_text(root / "a.jpg", "");
  expect_mentions(complaint(folder_options(root.path())), {"a.jpg and a.png"});
  std::filesystem::remove(root / "a.jpg");
  test::write_text(root / "\xff.png", "");
  expect_mentions(complaint(folder_options(root.path())), {"UTF-8"});
  std::filesystem::remove(root / "\xff.png");
}

TEST(Dataset, FolderLeavesOutLinksThatLoop) {
  const test::TempFolder root;
  test::write_text(root / "a.png", "");
  test::write_text(root / "sub/b.png", "");
  std::filesystem::create_directory_symlink(root.path(), root / "loop");
  std::filesystem::create_directory_symlink(root.path(), root / "sub/up");
  const auto dataset = open_dataset(folder_options(root.path()));
  EXPECT_EQ(names_of(*dataset), (Names{"a.png", "sub/b.png"}));
  EXPECT_EQ(dataset->left_out(), "2 looping links");
}

TEST(Dataset, FolderFollowsLinksToOtherFolders) {
  const test::TempFolder root;
  const test::TempFolder elsewhere;
  test::write_text(elsewhere / "x.png", "");
  std::filesystem::create_directory_symlink(elsewhere.path(), root / "link");
  EXPECT_EQ(names_of(*open_dataset(folder_options(root.path()))), (Names{"link/x.png"}));
}

/// images/{a,sub/b}.jpg and truth PNGs of the same stems.
DatasetOptions make_index_set(const test::TempFolder& root) {
  test::write_picture(root / "images/a.jpg");
  test::write_picture(root / "images/sub/b.jpg");
  test::write_labels(root / "truth/a.png", {0, 2, 255, 1});
  test::write_labels(root / "truth/sub/b.png", {0, 1});
  test::write_labels(root / "truth/unused.png", {7});
  DatasetOptions options = folder_options(root / "images");
  options.kind = "index_png";
  options.truth = root / "truth";
  return options;
}

TEST(Dataset, IndexPngPairsByStem) {
  const test::TempFolder root;
  DatasetOptions options = make_index_set(root);
  auto dataset = open_dataset(options);
  EXPECT_TRUE(dataset->truth_notes().empty());
  EXPECT_EQ(names_of(*dataset), (Names{"a.jpg", "sub/b.jpg"}));
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"a.png", "sub/b.png"}));
  EXPECT_EQ(first_truth(*dataset), (Labels{0, 2, -1, 1}));
  EXPECT_TRUE(dataset->classes().empty());
  EXPECT_EQ(dataset->read_truth(dataset->items()[1]).width, 2);

  options.kind = "folder";
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, 2, -1, 1}));

  test::write_labels(root / "truth/a.PNG", {0});
  expect_mentions(complaint(options), {"a.PNG and a.png"});
  std::filesystem::remove(root / "truth/a.PNG");
  std::filesystem::remove(root / "truth/a.png");
  dataset = open_dataset(options);
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"", "sub/b.png"}));
  EXPECT_EQ(dataset->truth_count(), 1);
  ASSERT_EQ(dataset->truth_notes().size(), 1U);
  expect_mentions(dataset->truth_notes()[0], {"1 of 2 images", "a.jpg"});
  EXPECT_THROW((void)first_truth(*dataset), UsageError);
  std::filesystem::remove(root / "truth/sub/b.png");
  expect_mentions(complaint(options), {"a.jpg", "a.png", (root / "truth").string()});
  options.kind = "index_png";
  options.truth.reset();
  expect_mentions(complaint<UsageError>(options), {"dataset.truth", "index_png"});
}

TEST(Dataset, ClassesThatABytesValuesHaveArePassedOnInBytes) {
  const test::TempFolder root;
  DatasetOptions options = make_index_set(root);
  test::write_labels(root / "truth/a.png", {0, 254, 255});
  const auto is_narrow = [&] {
    const auto dataset = open_dataset(options);
    return std::holds_alternative<ByteLabelMap>(dataset->read_truth_labels(dataset->items().front()));
  };
  EXPECT_TRUE(is_narrow());
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, 254, -1}));
  options.void_value = 254;  // then 255 is a class
  EXPECT_FALSE(is_narrow());
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, -1, 255}));
  options.label_map = test::write_text(root / "map.json", R"({"0": 254, "254": 300})");
  EXPECT_FALSE(is_narrow());
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{254, 300, -1}));
  options.label_map = test::write_text(root / "map.json", R"({"0": 254, "254": 3})");
  EXPECT_TRUE(is_narrow());
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{254, 3, -1}));
}

TEST(Dataset, ImagesAreNotTheirOwnTruth) {
  const test::TempFolder root;
  DatasetOptions options = make_index_set(root);
  options.images = root / "truth";
  expect_mentions(complaint<UsageError>(options), {"a.png is the same file", "dataset.truth"});
  std::filesystem::create_directory_symlink(root / "truth", root / "link");
  options.images = root / "link";
  options.images_are_predictions = true;
  expect_mentions(complaint<UsageError>(options), {"a.png is the same file"});
}

TEST(Dataset, ValuesThatAreNoClassAreErrors) {
  const test::TempFolder root;
  DatasetOptions options = make_index_set(root);
  options.classes = "2";
  const auto dataset = open_dataset(options);
  EXPECT_EQ(dataset->classes(), (Names{"0", "1"}));
  const std::string text = test::error_of<InputError>([&] { (void)first_truth(*dataset); });
  expect_mentions(text, {"a.png", "value 2", "row 0, column 1"});
  options.classes = "3";
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, 2, -1, 1}));
  options.void_value = 2;
  expect_mentions(test::error_of<InputError>([&] { (void)first_truth(*open_dataset(options)); }),
                  {"value 255", "column 2"});
  options.void_value.reset();
  options.classes.reset();
  EXPECT_EQ(first_truth(*open_dataset(options)), (Labels{0, 2, 255, 1}));
  options.void_value = 70000;
  expect_mentions(complaint<UsageError>(options), {"dataset.void", "70000"});
}

TEST(Dataset, LabelMaps) {
  const test::TempFolder root;
  DatasetOptions options = make_index_set(root);
  options.label_map = root / "map.json";
  const auto with_map = [&](const std::string& json) {
    test::write_text(root / "map.json", json);
    return open_dataset(options);
  };
  auto dataset = with_map("[1, 0, 4]");
  EXPECT_EQ(first_truth(*dataset), (Labels{1, 4, -1, 0}));
  EXPECT_EQ(dataset->classes(), (Names{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(first_truth(*with_map("[-1, 0, 0]")), (Labels{-1, 0, -1, 0}));
  EXPECT_EQ(first_truth(*with_map(R"({"0": 3, "2": -1})")), (Labels{3, -1, -1, -1}));
  EXPECT_EQ(first_truth(*with_map(R"({"name": "x", "fine_to_coarse": [2, 1, 0]})")), (Labels{2, 0, -1, 1}));
  dataset = with_map("[1, 0]");
  expect_mentions(test::error_of<InputError>([&] { (void)first_truth(*dataset); }), {"a.png", "value 2", "column 1"});

  const auto malformed = [&](const std::string& json) {
    const std::string text = test::error_of<InputError>([&] { (void)with_map(json); });
    expect_mentions(text, {"map.json"});
    return text;
  };
  expect_mentions(malformed("[1, 0"), {"parse error"});
  expect_mentions(malformed("[0, -2]"), {"value 1", "-2"});
  expect_mentions(malformed("[0, 1.5]"), {"1.5"});
  expect_mentions(malformed("[0, 18446744073709551615]"), {"18446744073709551615"});
  expect_mentions(malformed(R"({"a": 1})"), {"\"a\""});
  expect_mentions(malformed(R"({"-1": 1})"), {"\"-1\""});
  expect_mentions(malformed("[]"), {"0 entries"});
  expect_mentions(malformed("[-1]"), {"no value"});
  expect_mentions(malformed("3"), {"array"});
  std::filesystem::remove(root / "map.json");
  expect_mentions(complaint(options), {"map.json", "no such file"});
}

TEST(Dataset, ALabelMapGoesBeforeVoid) {
  const test::TempFolder root;
  DatasetOptions options = make_index_set(root);
  const auto labels = [&](const std::string& json, int void_value, std::size_t notes) {
    options.label_map = test::write_text(root / "map.json", json);
    options.void_value = void_value;
    const auto dataset = open_dataset(options);
    EXPECT_EQ(dataset->truth_notes().size(), notes) << json;
    for (const auto& note : dataset->truth_notes()) {
      expect_mentions(note, {"dataset.void", std::to_string(void_value), "map.json"});
    }
    return first_truth(*dataset);
  };
  EXPECT_EQ(labels(R"({"0": 0, "255": 1})", 255, 1), (Labels{0, -1, 1, -1}));
  EXPECT_EQ(labels("[1, 0, 4]", 255, 0), (Labels{1, 4, -1, 0}));
  EXPECT_EQ(labels(R"({"0": 0, "1": 1, "255": -1})", 255, 0), (Labels{0, -1, -1, 1}));
  EXPECT_EQ(labels(R"({"0": 0, "2": 1})", 2, 1), (Labels{0, 1, -1, -1}));
}

TEST(Dataset, HeadersOfGroundTruthAreReadWithoutItsPixels) {
  const test::TempFolder root;
  const DatasetOptions options = make_index_set(root);
  const auto dataset = open_dataset(options);
  const auto header = [&] { return dataset->read_truth_header(dataset->items().front()); };
  EXPECT_EQ(header().width, 4);
  EXPECT_EQ(header().height, 1);
  auto bytes = test::read_file(root / "truth/a.png");
  bytes.resize(bytes.size() - 14);  // without the end
  test::write_file(root / "truth/a.png", bytes);
  EXPECT_EQ(header().width, 4);
  EXPECT_THROW((void)first_truth(*dataset), InputError);
  write_png(root / "truth/a.png", Image(1, 4));
  expect_mentions(test::error_of<InputError>([&] { (void)header(); }), {"a.png", "colours"});
  test::write_text(root / "truth/a.png", "BM");
  expect_mentions(test::error_of<InputError>([&] { (void)header(); }), {"a.png"});
}

TEST(Dataset, ClassNames) {
  const test::TempFolder root;
  DatasetOptions options = make_index_set(root);
  options.classes = root / "classes.json";
  const auto classes = [&](const std::string& json) {
    test::write_text(root / "classes.json", json);
    return open_dataset(options)->classes();
  };
  EXPECT_EQ(classes(R"(["sky", "sea", "ground"])"), (Names{"sky", "sea", "ground"}));
  EXPECT_EQ(classes(R"({"name": "x", "classes": ["sky"]})"), (Names{"sky"}));
  for (const std::string json : {"[]", "{}", "4", "[1]", "[\"a\""}) {
    expect_mentions(test::error_of<InputError>([&] { (void)classes(json); }), {"classes.json"});
  }
  options.classes = root / "names.txt";
  const auto listed = [&](const std::string& text) {
    test::write_text(root / "names.txt", text);
    return open_dataset(options)->classes();
  };
  EXPECT_EQ(listed("# of a beach\nsky\r\n\n sea floor \nground"), (Names{"sky", "sea floor", "ground"}));
  EXPECT_EQ(listed(" [\"sky\"]"), (Names{"sky"}));
  EXPECT_EQ(listed("\xef\xbb\xbfsky\n"), (Names{"sky"}));
  for (const std::string text : {"", "# nothing\n", "sky\n1\tsea\n", "for\xeat\n", "[\"sky\""}) {
    expect_mentions(test::error_of<InputError>([&] { (void)listed(text); }), {"names.txt", "one name per line"});
  }
  options.classes = root / "classes.json";
  test::write_text(root / "classes.json", R"(["sky", "sea"])");
  options.label_map = test::write_text(root / "map.json", "[0, 1, 2]");
  expect_mentions(complaint(options), {"map.json", "class 2", "classes.json", "2 classes"});
}

TEST(Dataset, UnknownKindsListTheKnownOnes) {
  DatasetOptions options = folder_options("images");
  for (const std::string kind : {"cityscapes", "coco_panoptic", "camvid", "voc", "potsdam", "Folder", ""}) {
    options.kind = kind;
    expect_mentions(complaint<UsageError>(options), {"dataset.kind: " + kind, "folder, list, index_png"});
  }
}

TEST(Dataset, OptionsOfOtherKindsAreRefused) {
  DatasetOptions options;
  expect_mentions(complaint<UsageError>(options), {"dataset.images"});
  options.images = "images";
  options.list = "list.txt";
  expect_mentions(complaint<UsageError>(options), {"dataset.list", "folder"});
  options.list.reset();
  options.split = "val2017";
  expect_mentions(complaint<UsageError>(options), {"dataset.split", "folder"});
}

}  // namespace dataset_test
}  // namespace datus
