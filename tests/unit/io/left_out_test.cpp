// SPDX-License-Identifier: Apache-2.0
// What a folder of images holds besides them: not listed, and said.

#include "dataset_test_support.hpp"

namespace datus {
namespace left_out_test {

using test::complaint;
using test::expect_mentions;
using test::Names;
using test::names_of;

DatasetOptions options_of(const std::filesystem::path& images) {
  DatasetOptions options;
  options.images = images;
  return options;
}

void write_empty(const test::TempFolder& root, const Names& names) {
  for (const auto& name : names) test::write_text(root / name, "");
}

TEST(LeftOut, EndingsAreCountedInAnyCase) {
  const test::TempFolder root;
  write_empty(root, {"a.jfif", "b.JPE", "c.Jpg", "d.gif", "sub/e.GIF", "f.gif", "g.psd", "sub/IMG0001", "._c.jpg"});
  const auto dataset = open_dataset(options_of(root.path()));
  EXPECT_EQ(names_of(*dataset), (Names{"a.jfif", "b.JPE", "c.Jpg"}));
  EXPECT_EQ(dataset->left_out(), "3 .gif, 1 .psd, 1 hidden image, 1 untyped file");
}

TEST(LeftOut, WhatUsuallyLiesBesideImagesIsPassedOver) {
  const test::TempFolder root;
  write_empty(root, {"a.png", "notes.txt", "README.md", "labels.JSON", "mine.yaml", "table.csv", "keys.h5", ".hidden"});
  EXPECT_EQ(open_dataset(options_of(root.path()))->left_out(), "");
}

TEST(LeftOut, FoldersOfThumbnails) {
  const test::TempFolder root;
  write_empty(root, {"a.jpg", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "sub/b.jpg",
                     "sub/@eaDir/b.jpg/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/a.jpg", ".thumbnails/a.png",
                     "#recycle/sub/a.jpg", "$RECYCLE.BIN/b.jpg", "@Recycle/c.jpg", "#snapshot/d.jpg"});
  const auto dataset = open_dataset(options_of(root.path()));
  EXPECT_EQ(names_of(*dataset), (Names{"a.jpg", "sub/b.jpg"}));
  EXPECT_EQ(dataset->left_out(),
            "2 @eaDir folders, 1 #recycle folder, 1 #snapshot folder, 1 $RECYCLE.BIN folder, 1 @Recycle folder, "
            "1 __MACOSX folder, 1 hidden folder");
}

TEST(LeftOut, RunsBelowTheFolderButNotTheFolder) {
  const test::TempFolder root;
  write_empty(root, {"mark", "a.jpg", "runs/one/mark", "runs/one/masks/a.png", "runs/b.jpg"});
  DatasetOptions options = options_of(root.path());
  options.results_in = [](const std::filesystem::path& folder) -> std::string {
    return std::filesystem::exists(folder / "mark") ? "datus run" : "";
  };
  const auto dataset = open_dataset(options);
  EXPECT_EQ(names_of(*dataset), (Names{"a.jpg", "runs/b.jpg"}));
  EXPECT_EQ(dataset->left_out(), "1 datus run, 1 untyped file");
}

TEST(LeftOut, TheRarestKindsShareANumber) {
  const test::TempFolder root;
  Names names = {"a.png", "often.t00"};
  for (int i = 0; i < 11; ++i) names.push_back("frame.t" + std::to_string(10 + i));
  for (const char* name : {"b.t00", "c.strange ending", "d.waytoolongending", "e.t\tb"}) names.emplace_back(name);
  write_empty(root, names);
  EXPECT_EQ(open_dataset(options_of(root.path()))->left_out(),
            "3 untyped files, 2 .t00, 1 .t10, 1 .t11, 1 .t12, 1 .t13, 1 .t14, 1 .t15, 5 others");
}

TEST(LeftOut, AFolderWithoutImagesSaysWhatItHas) {
  const test::TempFolder root;
  write_empty(root, {"a.psd", "b.psd", "notes.txt"});
  expect_mentions(complaint(options_of(root.path())), {root.path().string(), ".jfif", "2 .psd, 1 .txt"});
}

TEST(LeftOut, ListsLeaveNothingOut) {
  const test::TempFolder root;
  write_empty(root, {"a.png", "b.gif"});
  DatasetOptions options = options_of(test::write_text(root / "list.txt", "a.png\n"));
  options.kind = "list";
  EXPECT_EQ(open_dataset(options)->left_out(), "");
}

}  // namespace left_out_test
}  // namespace datus
