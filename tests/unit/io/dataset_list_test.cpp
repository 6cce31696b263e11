// SPDX-License-Identifier: Apache-2.0
#include "dataset_test_support.hpp"

namespace datus {
namespace dataset_list_test {

using test::complaint;
using test::expect_mentions;
using test::Labels;
using test::Names;
using test::names_of;

/// A data set of the list with this text, ROOT/lists/list.txt.
DatasetOptions list_options(const test::TempFolder& root, const std::string& text) {
  DatasetOptions options;
  options.kind = "list";
  options.images = test::write_text(root / "lists/list.txt", text);
  return options;
}

TEST(DatasetList, KeepsTheOrderAndResolvesAgainstItsFolder) {
  const test::TempFolder root;
  const auto dataset = open_dataset(list_options(
      root, "\xef\xbb\xbfz.jpg\r\n\n  # a remark\n\t\n ./sub//a b.png \n" + (root / "lists/q.jpg").string() + "\n"));
  EXPECT_EQ(names_of(*dataset), (Names{"z.jpg", "sub/a b.png", "q.jpg"}));
  EXPECT_EQ(dataset->items()[1].image, root / "lists/sub/a b.png");
  EXPECT_FALSE(dataset->has_truth());
}

TEST(DatasetList, NamesOutsideTheRootStayBelowTheRun) {
  const test::TempFolder root;
  const auto dataset = open_dataset(list_options(root, "../out.jpg\n/data/x/y.jpg\n"));
  const std::string out = (root / "out.jpg").string();
  EXPECT_EQ(names_of(*dataset), (Names{out.substr(1), "data/x/y.jpg"}));
  EXPECT_EQ(dataset->items()[0].image, out);
  EXPECT_EQ(dataset->items()[1].image, "/data/x/y.jpg");
}

TEST(DatasetList, StemsFindTheirImages) {
  const test::TempFolder root;
  for (const char* name : {"lists/2007_000032.jpg", "lists/sub/b.c.PNG", "lists/d.JPG", "lists/d.png", "lists/plain"}) {
    test::write_text(root / name, "");
  }
  const auto dataset = open_dataset(list_options(root, "2007_000032\nsub/b.c\nplain\nmissing\n"));
  EXPECT_EQ(names_of(*dataset), (Names{"2007_000032.jpg", "sub/b.c.PNG", "plain", "missing"}));
  EXPECT_EQ(dataset->items()[1].image, root / "lists/sub/b.c.PNG");
  expect_mentions(complaint(list_options(root, "plain\nd\n")), {"line 2", "d.JPG", "d.png"});
  expect_mentions(complaint(list_options(root, "2007_000032\n2007_000032.jpg\n")), {"line 2", "listed twice"});
}

TEST(DatasetList, ALineWithoutEndIsNoText) {
  const test::TempFolder root;
  const std::string longest(std::size_t{1} << 16U, 'a');
  expect_mentions(complaint(list_options(root, "a.jpg\n\n" + longest + "a\nb.jpg\n")),
                  {"list.txt is not a text file", "line 3 is longer than 64 KiB"});
  expect_mentions(complaint(list_options(root, longest + longest + longest)), {"line 1 is longer than 64 KiB"});
  // Lines across the pieces in which a file is read.
  std::string text;
  std::vector<std::string> names;
  for (int i = 0; i < 9; ++i) {
    names.push_back(std::string(20000, static_cast<char>('a' + i)) + ".jpg");
    text += names.back() + (i % 2 == 0 ? "\n" : "\r\n");
  }
  names.push_back("last.jpg");
  EXPECT_EQ(test::names_of(*open_dataset(list_options(root, text + "last.jpg"))), names);
}

TEST(DatasetList, ListWithARoot) {
  const test::TempFolder root;
  DatasetOptions options = list_options(root, "b.jpg\nsub/a.jpg\n");
  options.list = options.images;
  options.images = root / "pictures/";
  const auto dataset = open_dataset(options);
  EXPECT_EQ(names_of(*dataset), (Names{"b.jpg", "sub/a.jpg"}));
  EXPECT_EQ(dataset->items()[1].image, root / "pictures/sub/a.jpg");
}

TEST(DatasetList, TruthInTheSecondColumn) {
  const test::TempFolder root;
  test::write_labels(root / "lists/t/1.png", {3, 255});
  test::write_labels(root / "lists/t/2.png", {4});
  DatasetOptions options = list_options(root, "b.jpg\t t/2.png\na.jpg\tt/1.png\n");
  const auto dataset = open_dataset(options);
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"t/2.png", "t/1.png"}));
  EXPECT_EQ(dataset->read_truth(dataset->items()[1]).labels, (Labels{3, -1}));

  options.truth = root / "lists/t";
  expect_mentions(complaint<UsageError>(options), {"dataset.truth", "list.txt"});
  const auto some = open_dataset(list_options(root, "c.jpg\n\nb.jpg\tt/2.png\n"));
  EXPECT_EQ(test::truth_names_of(*some), (Names{"", "t/2.png"}));
  EXPECT_EQ(some->read_truth(some->items()[1]).labels, (Labels{4}));
  expect_mentions(complaint(list_options(root, "b.jpg\tt/3.png\n")), {"line 1", "t/3.png"});
  expect_mentions(complaint(list_options(root, "b.jpg\tt/2.png\tx\n")), {"line 1", "two"});
  expect_mentions(complaint(list_options(root, "# x\n\tt/2.png\n")), {"line 2", "first one is empty"});
  expect_mentions(complaint(list_options(root, std::string("b.jpg\nb\0.\0j", 10))), {"not a text file", "line 2"});
}

TEST(DatasetList, ListsTellWhetherTheyHoldTruth) {
  const test::TempFolder root;
  EXPECT_TRUE(lists_truth(list_options(root, "c.jpg\nb.jpg\tt/2.png\n").images));
  EXPECT_FALSE(lists_truth(list_options(root, "c.jpg\n").images));
  EXPECT_FALSE(lists_truth(root.path()));
}

TEST(DatasetList, OfAFolderWithIndexPngs) {
  const test::TempFolder root;
  test::write_picture(root / "images/a.jpg");
  test::write_picture(root / "images/b.jpg");
  test::write_labels(root / "truth/b.png", {5});
  DatasetOptions options = list_options(root, "b.jpg\n");
  options.list = options.images;
  options.images = root / "images";
  options.truth = root / "truth";
  options.kind = "index_png";
  const auto dataset = open_dataset(options);
  EXPECT_EQ(names_of(*dataset), (Names{"b.jpg"}));
  EXPECT_EQ(test::first_truth(*dataset), (Labels{5}));
}

TEST(DatasetList, OfPredictionsToCompare) {
  const test::TempFolder root;
  for (const char* name : {"a", "b", "sub/c.d"}) {
    test::write_labels(root / "masks" / (std::string(name) + ".png"), {0});
    test::write_labels(root / "truth" / (std::string(name) + ".png"), {1});
  }
  test::write_labels(root / "truth/e.png", {1});
  DatasetOptions options = list_options(root, "./sub/c.d\na.jpg\n");
  options.list = options.images;
  options.images = root / "masks";
  options.truth = root / "truth";
  options.images_are_predictions = true;
  for (const DatasetType& kind : {DatasetType("index_png"), test::described("coco_stuff")}) {
    options.kind = kind;
    EXPECT_EQ(test::truth_names_of(*open_dataset(options)), (Names{"a.png", "sub/c.d.png"}));
  }
  test::write_text(*options.list, "a\ne\n");
  expect_mentions(complaint(options), {"list.txt, line 2", "named e"});
  options.list.reset();
  expect_mentions(complaint(options), {"e.png", "no prediction", "--list"});
}

TEST(DatasetList, TruthPairedByStem) {
  const test::TempFolder root;
  test::write_labels(root / "truth/sub/a.png", {5});
  DatasetOptions options = list_options(root, "sub/a.jpg\n");
  options.truth = root / "truth";
  EXPECT_EQ(test::first_truth(*open_dataset(options)), (Labels{5}));
}

TEST(DatasetList, RefusesRepeatsAndEmptiness) {
  const test::TempFolder root;
  expect_mentions(complaint(list_options(root, "a.jpg\n\nb.jpg\n./a.jpg\n")), {"list.txt, line 4", "a.jpg", "line 1"});
  expect_mentions(complaint(list_options(root, "a.jpg\na.png\n")), {"a.jpg and a.png"});
  expect_mentions(complaint(list_options(root, "# nothing\n\n")), {"list.txt", "empty"});
  DatasetOptions options = list_options(root, "a.jpg\n");
  options.images = root / "lists/none.txt";
  expect_mentions(complaint(options), {"none.txt", "no such file"});
}

}  // namespace dataset_list_test
}  // namespace datus
