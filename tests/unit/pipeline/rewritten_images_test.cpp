// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/rewritten_images.hpp"

#include "datus/core/hash.hpp"
#include "datus/io/image_writer.hpp"
#include "shard_samples.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace rewritten_images_test {

namespace fs = std::filesystem;
using Places = std::vector<std::int64_t>;

/// Four images in two shards, whose keys are there.
class RewrittenImages : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(images_);
    fs::create_directories(directory_.keys({0}).parent_path());
    for (const char* name : {"a", "b", "c", "d"}) write(name, 1);
    DatasetOptions options;
    options.images = images_;
    dataset_ = open_dataset(options);
    frozen_ = list_now();
    for (const int shard : {0, 1}) write_shard(shard, true);
  }

  /// A PNG of few bytes; of `grey` up to 9 all have the same size.
  void write(const std::string& name, int grey) const {
    Image image(8, 8);
    for (auto& value : image.pixels) value = static_cast<std::uint8_t>(grey);
    write_png(images_ / (name + ".png"), image);
  }
  void touch(const std::string& name) const {
    const fs::path path = images_ / (name + ".png");
    fs::last_write_time(path, fs::last_write_time(path) + std::chrono::hours(1));
  }
  [[nodiscard]] ImageList list_now() const {
    ImageList list;
    run_on_threads(1, [&](Communicator& comm) { list = list_images(*dataset_, 2, Orientation::stored, 1, comm); });
    return list;
  }
  /// The keys of a shard, made from the images as they are now; of an earlier version without their content.
  void write_shard(int shard, bool has_content) const {
    KeysFile file = sample_keys(2, shard, false);
    file.images = {};
    for (const int i : {2 * shard, 2 * shard + 1}) {
      file.images.image.push_back(i);
      if (has_content) {
        file.images.content.push_back(hash_file(dataset_->items()[static_cast<std::size_t>(i)].image).hex());
        file.images.listed = frozen_.hash_of({shard}).hex();
      }
    }
    write_keys(directory_.keys({shard}), file, sample_record("extract").of_shard({shard}));
  }
  [[nodiscard]] Places found(const std::optional<ImageList>& frozen) const {
    Places places;
    const ImageList now = list_now();
    for (const int ranks : {1, 3}) {
      run_on_threads(ranks, [&](Communicator& comm) {
        const auto mine = rewritten_images(directory_, frozen, now, *dataset_, 1, comm);
        if (comm.rank() == 0) {
          places = mine;
        } else {
          EXPECT_EQ(mine, Places());
        }
      });
    }
    return places;
  }

  TempFolder folder_;
  fs::path images_ = folder_ / "images";
  RunDirectory directory_{folder_ / "run"};
  std::unique_ptr<Dataset> dataset_;
  ImageList frozen_;
};

TEST_F(RewrittenImages, AreThoseOfOtherContent) {
  EXPECT_EQ(found(frozen_), Places());
  for (const char* name : {"a", "b", "c", "d"}) touch(name);
  EXPECT_EQ(found(frozen_), Places());
  write("b", 2);
  write("d", 3);
  EXPECT_EQ(list_now().images, frozen_.images) << "the lists differ already";
  EXPECT_EQ(found(frozen_), (Places{1, 3}));
}

TEST_F(RewrittenImages, AreFoundWithoutAList) {
  EXPECT_EQ(found(std::nullopt), Places());
  write("c", 2);
  EXPECT_EQ(found(std::nullopt), Places{2});
}

// Nothing is known of their content: only a beginning that is another proves something.
TEST_F(RewrittenImages, ShardsOfEarlierVersionsStay) {
  ImageList without_signs = frozen_;
  for (ListedImage& image : without_signs.images) image.sign.reset();
  for (const int shard : {0, 1}) write_shard(shard, false);
  touch("a");
  write("b", 2);
  EXPECT_EQ(found(frozen_), Places{1});
  EXPECT_EQ(found(without_signs), Places());
}

// Killed behind a change of the list, a run has shards whose numbers of images are those of the list before.
TEST_F(RewrittenImages, ShardsOfAnotherListTellNothing) {
  write("b", 2);
  write_shard(0, true);
  write("b", 1);
  EXPECT_EQ(found(frozen_), Places{1});
  ImageList other = frozen_;
  other.images[0].bytes += 1;
  EXPECT_EQ(found(other), Places());
}

}  // namespace rewritten_images_test
}  // namespace datus::test
