// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/image_list.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_writer.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace image_list_test {

ImageList some_list() {
  ImageList list;
  list.shard_size = 2;
  list.images = {{"a.jpg", 100, 30, 20, FileSign{1'700'000'000'123'456'789, -5}},
                 {"sub/b \u00e4.png", 7, 0, 0},
                 {"c.bmp", std::int64_t{5} << 32, 1, 65535}};
  return list;
}

TEST(ImageList, ShardsAreConsecutiveAndTheLastMayBeShort) {
  ImageList list = some_list();
  EXPECT_EQ(list.shards(), 2);
  EXPECT_EQ(list.range({0}), (std::pair<std::int64_t, std::int64_t>{0, 2}));
  EXPECT_EQ(list.range({1}), (std::pair<std::int64_t, std::int64_t>{2, 3}));
  list.shard_size = 3;
  EXPECT_EQ(list.shards(), 1);
  list.images.clear();
  EXPECT_EQ(list.shards(), 0);
}

TEST(ImageList, ReadsBackAsWritten) {
  const TempFolder folder;
  write_image_list(folder / "images.h5", some_list());
  const ImageList read = read_image_list(folder / "images.h5");
  EXPECT_EQ(read.images, some_list().images);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(read.images[i].sign.has_value(), i != 1);
  EXPECT_EQ(read.images[0].sign, some_list().images[0].sign);
  EXPECT_EQ(read.shard_size, 2);
  EXPECT_EQ(read.hash(), some_list().hash());
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"images.h5"});
  const std::string bytes = bytes_of(folder / "images.h5");
  write_image_list(folder / "images.h5", some_list());
  EXPECT_EQ(bytes_of(folder / "images.h5"), bytes);
}

TEST(ImageList, ADamagedFileIsRefused) {
  const TempFolder folder;
  write_image_list(folder / "images.h5", some_list());
  std::string bytes = bytes_of(folder / "images.h5");
  bytes[bytes.find("c.bmp")] = 'd';
  write_bytes(folder / "images.h5", bytes);
  EXPECT_THROW((void)read_image_list(folder / "images.h5"), InputError);
}

/// The phrase for a list that `change` made different; its hash must differ as well.
template <class Change>
std::string difference(Change change) {
  ImageList current = some_list();
  change(current);
  EXPECT_NE(current.hash(), some_list().hash());
  return first_difference(some_list(), current);
}

TEST(ImageList, TheFirstDifferenceIsTold) {
  EXPECT_EQ(first_difference(some_list(), some_list()), "");
  EXPECT_EQ(difference([](ImageList& list) { list.shard_size = 4; }), "dataset.shard_size was 2, is 4");
  EXPECT_EQ(difference([](ImageList& list) { list.images.pop_back(); }), "there were 3 images, are 2");
  EXPECT_EQ(difference([](ImageList& list) { list.images[0].name = "z"; }), "image 0 was a.jpg, is z");
  EXPECT_EQ(difference([](ImageList& list) { list.images[2].bytes = 6; }),
            "c.bmp had 21474836480 bytes, 1x65535 pixels, has 6, 1x65535");
  EXPECT_EQ(difference([](ImageList& list) { list.images[0].width = 31; }),
            "a.jpg had 100 bytes, 30x20 pixels, has 100, 31x20");
}

TEST(ImageList, ShardsFollowFromTheNumberOfImages) {
  for (const auto& [images, size] : std::vector<std::pair<std::int64_t, int>>{
           {1, 8}, {40, 8}, {128, 8}, {129, 9}, {500, 32}, {1009, 64}, {1024, 64}, {118'000, 64}}) {
    EXPECT_EQ(default_shard_size(images), size) << images;
  }
}

TEST(ImageList, AShardHasAHashOfItsOwnImages) {
  const ImageList list = some_list();
  ImageList changed = list;
  changed.images[2].bytes = 6;
  EXPECT_EQ(changed.hash_of({0}), list.hash_of({0}));
  EXPECT_NE(changed.hash_of({1}), list.hash_of({1}));
  EXPECT_NE(list.hash_of({0}), list.hash_of({1}));
  ImageList shorter = list;
  shorter.images.pop_back();
  EXPECT_EQ(shorter.hash_of({0}), list.hash_of({0}));
}

TEST(ImageList, RanksProbeTheSameListAsOneAlone) {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "images");
  for (int i = 0; i < 5; ++i) {
    write_png(folder / "images" / ("i" + std::to_string(i) + ".png"), Image(10 + i, 20 + 3 * i));
  }
  write_bytes(folder / "images" / "i2.png", "not an image");
  DatasetOptions options;
  options.images = folder / "images";
  const auto dataset = open_dataset(options);
  for (int ranks = 1; ranks <= 7; ++ranks) {
    run_on_threads(ranks, [&](Communicator& comm) {
      const ImageList list = list_images(*dataset, 2, Orientation::stored, 1, comm);
      ASSERT_EQ(list.size(), 5);
      EXPECT_EQ(list.shards(), 3);
      for (int i = 0; i < 5; ++i) {
        const auto& image = list.images[static_cast<std::size_t>(i)];
        EXPECT_EQ(image.name, "i" + std::to_string(i) + ".png");
        EXPECT_EQ(image.is_readable(), i != 2);
        EXPECT_EQ(image.width, i == 2 ? 0 : 20 + 3 * i);
        EXPECT_EQ(image.height, i == 2 ? 0 : 10 + i);
      }
    });
  }
}

}  // namespace image_list_test
}  // namespace datus::test
