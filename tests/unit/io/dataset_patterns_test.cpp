// SPDX-License-Identifier: Apache-2.0
// Descriptions whose files are patterns.
#include "dataset_test_support.hpp"

namespace datus {
namespace dataset_patterns_test {

using test::complaint;
using test::expect_mentions;
using test::Names;
using test::TempFolder;

/// With the patterns of images and ground truth.
DatasetOptions options_of(const TempFolder& root, const std::string& images, const std::string& truth) {
  DatasetOptions options;
  options.kind = {"mine", parse_dataset({.name = "mine",
                                         .origin = "mine.yaml",
                                         .text = "images: {files: " + images + "}\ntruth: {files: " + truth +
                                                 "}\nsplits: [train, val]\n"})};
  options.images = root.path();
  return options;
}

void make_files(const TempFolder& root, const Names& images, const Names& truth) {
  for (const auto& name : images) test::write_picture(root / name);
  for (const auto& name : truth) test::write_labels(root / name, {1});
}

TEST(DatasetPatterns, WhatIsMatchedStandsInThePlacesOfTheTruth) {
  const TempFolder root;
  make_files(root, {"photos/b/x_1.jpg", "photos/a/x_2.png", "photos/x_3.jpg", "photos/other.jpg", "photos/a/x_4.bmp"},
             {"gt/b/1-labels.png", "gt/a/2-labels.png", "gt/3-labels.png", "gt/a/other.png"});
  const auto dataset = open_dataset(options_of(root, "'photos/**/x_*.{jpg,png}'", "'gt/**/*-labels.png'"));
  EXPECT_EQ(test::names_of(*dataset), (Names{"a/x_2.png", "b/x_1.jpg", "x_3.jpg"}));
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"a/2-labels.png", "b/1-labels.png", "3-labels.png"}));
  EXPECT_EQ(dataset->items()[0].truth, root / "gt/a/2-labels.png");
  expect_mentions(dataset->left_out(), {"2 images named otherwise than **/x_*.{jpg,png}"});
}

// Scenes with folders of their own: nothing is the same at the begin of all names.
TEST(DatasetPatterns, MayBeginWithAWildcard) {
  const TempFolder root;
  make_files(root, {"s1/rgb/1.jpg", "s2/rgb/1.jpg", "s2/depth/1.png"}, {"s1/gt/1.png", "s2/gt/1.png"});
  const auto dataset = open_dataset(options_of(root, "'*/rgb/?.jpg'", "'*/gt/[0-9].png'"));
  EXPECT_EQ(test::names_of(*dataset), (Names{"s1/rgb/1.jpg", "s2/rgb/1.jpg"}));
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"s1/gt/1.png", "s2/gt/1.png"}));
}

TEST(DatasetPatterns, OfAListBelongTogetherOneByOne) {
  const TempFolder root;
  make_files(root, {"in/1.jpg", "in/cam_1.png"}, {"out/1.png", "out/of_cam_1.png"});
  const auto dataset =
      open_dataset(options_of(root, "['in/[0-9].jpg', 'in/cam_*.png']", "['out/?.png', 'out/of_cam_*.png']"));
  EXPECT_EQ(test::names_of(*dataset), (Names{"1.jpg", "cam_1.png"}));
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"1.png", "of_cam_1.png"}));
}

TEST(DatasetPatterns, TheSplitMayStandAnywhere) {
  const TempFolder root;
  make_files(root, {"a/val/1.jpg", "a/train/1.jpg"}, {"a/val_gt/1.png", "a/train_gt/1.png"});
  DatasetOptions options = options_of(root, "'*/{split}/*.jpg'", "'*/{split}_gt/*.png'");
  expect_mentions(complaint<UsageError>(options), {"dataset.split", "*/{split}/*.jpg", "mine.yaml:1", "train, val"});
  options.split = "val";
  const auto dataset = open_dataset(options);
  EXPECT_EQ(test::names_of(*dataset), (Names{"a/val/1.jpg"}));
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"a/val_gt/1.png"}));
  options = options_of(root, "'a/{split}/*.jpg'", "'a/{split}_gt/*.png'");
  expect_mentions(complaint<UsageError>(options), {"dataset.split"});
  options.split = "val";
  EXPECT_EQ(test::names_of(*open_dataset(options)), (Names{"1.jpg"}));
}

TEST(DatasetPatterns, LinksToFoldersAreFollowed) {
  const TempFolder root;
  const TempFolder elsewhere;
  make_files(elsewhere, {"1.jpg"}, {"t/1.png"});
  std::filesystem::create_directories(root / "photos");
  std::filesystem::create_directory_symlink(elsewhere.path(), root / "photos/linked");
  std::filesystem::create_directory_symlink(elsewhere / "t", root / "gt");
  std::filesystem::create_directory_symlink(root / "photos", root / "photos/loop");
  const auto dataset = open_dataset(options_of(root, "'photos/linked/*.jpg'", "'gt/*.png'"));
  EXPECT_EQ(test::truth_names_of(*dataset), (Names{"1.png"}));
  const auto below = open_dataset(options_of(root, "'photos/**/*.jpg'", "'photos/**/t/*.png'"));
  EXPECT_EQ(test::names_of(*below), (Names{"linked/1.jpg"}));
  EXPECT_EQ(test::truth_names_of(*below), (Names{"linked/t/1.png"}));
}

TEST(DatasetPatterns, FoldersMayBeGivenThemselvesAndPredictionsPair) {
  const TempFolder root;
  make_files(root, {"mine/x_1.jpg", "masks/x_1.png", "masks/x_2.png"}, {"labels/1.png", "labels/2.png"});
  DatasetOptions options = options_of(root, "'photos/x_*.jpg'", "'gt/*.png'");
  options.images = root / "mine";
  options.truth = root / "labels";
  EXPECT_EQ(test::truth_names_of(*open_dataset(options)), (Names{"1.png"}));
  options.images = root / "masks";
  options.images_are_predictions = true;
  EXPECT_EQ(test::truth_names_of(*open_dataset(options)), (Names{"1.png", "2.png"}));
}

TEST(DatasetPatterns, NoMatchSaysWhatWasLookedForAndWhatIsThere) {
  const TempFolder root;
  make_files(root, {"photos/1.JPG", "photos/2.png"}, {"gt/1.PNG"});
  expect_mentions(complaint(options_of(root, "'photos/*.jpg'", "'gt/*.png'")),
                  {"*.jpg", (root / "photos").string(), "2 images", "1.JPG, 2.png", "1.JPG differs in capital letters",
                   "mine.yaml:1"});
  expect_mentions(complaint(options_of(root, "'photos/*.{JPG,png}'", "'gt/*.png'")),
                  {"No image has ground truth", "no 1.png for 1.JPG", "0 folders and 1 file: 1.PNG",
                   "1.PNG differs in capital letters", "mine.yaml:2"});
  EXPECT_EQ(test::truth_names_of(*open_dataset(options_of(root, "'photos/*.[jJ]*'", "'gt/*.{PNG,png}'"))),
            (Names{"1.PNG"}));
  make_files(root, {}, {"gt/1.png"});
  expect_mentions(complaint(options_of(root, "'photos/*.JPG'", "'gt/*.{PNG,png}'")),
                  {"Two ground-truth files", "1.PNG and 1.png"});
  expect_mentions(complaint<UsageError>(options_of(root, "'photos/*.JPG'", "'labels/*.png'")),
                  {"labels", "gt, photos"});
}

}  // namespace dataset_patterns_test
}  // namespace datus
