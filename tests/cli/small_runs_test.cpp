// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/mask_file.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// Runs of a few images: shards for several ranks, images without a segment, values of K that come and go.
namespace datus::test {
namespace small_runs_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class SmallRuns : public testing::Test {
 protected:
  [[nodiscard]] Outcome command(const std::string& name, const Arguments& more = {}, int ranks = 0) const {
    write_bytes(folder_ / "mine.yaml",
                "dataset: {images: images}\ndescriptor: {kind: mean_key}\ncluster: {k: 2}\nmodel: {weights: '" +
                    tiny_weights() + "'}\n");
    Arguments arguments = tiny_model({name, "mine.yaml", "--run", "run"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path(), .ranks = ranks});
  }
  [[nodiscard]] Outcome program(const Arguments& arguments) const {
    return run_program(arguments, {.folder = folder_.path()});
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] Json summary() const { return Json::parse(bytes_of(path("run/summary.json"))); }

  void write_many_images(int count) const {
    fs::create_directories(path("images"));
    for (int i = 0; i < count; ++i) {
      write_png(path("images/" + std::to_string(100 + i) + ".png"), test_image(32, 48, static_cast<unsigned>(i)));
    }
  }

 private:
  TempFolder folder_;
};

const Arguments every_patch = {"--set", "segment.method=none"};

TEST_F(SmallRuns, FortyImagesHaveShardsForFourRanks) {
  write_many_images(40);
  const Outcome outcome = command("run", every_patch, 4);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(summary()["shards"], 5);
  EXPECT_EQ(outcome.err.find("nothing to do before"), std::string::npos) << outcome;
}

TEST_F(SmallRuns, FewerShardsThanRanksIsSaid) {
  write_many_images(9);
  const Outcome outcome = command("run", every_patch, 3);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.err.find("2 shards for 3 ranks: 1 has nothing to do before the clusters (dataset.shard_size: 8)"),
            std::string::npos)
      << outcome;
}

TEST_F(SmallRuns, TheSizeThatIsAskedForCountsAndARunKeepsItsOwn) {
  write_many_images(6);
  Arguments settings = every_patch;
  settings.insert(settings.end(), {"--set", "dataset.shard_size=5"});
  ASSERT_EQ(command("run", settings).code, 0);
  EXPECT_EQ(summary()["shards"], 2);
  const std::string config = bytes_of(path("run/config.yaml"));
  EXPECT_NE(config.find("shard_size: 5\n"), std::string::npos) << config;
  const auto written = fs::last_write_time(path("run/keys/000001.h5"));
  const Outcome again = command("run", every_patch);
  EXPECT_EQ(again.code, 0) << again;
  EXPECT_EQ(summary()["shards"], 2);
  EXPECT_EQ(fs::last_write_time(path("run/keys/000001.h5")), written);
  EXPECT_EQ(bytes_of(path("run/config.yaml")), config);
  // Without its list the configuration tells.
  fs::remove(path("run/images.h5"));
  EXPECT_EQ(command("run", every_patch).code, 0);
  EXPECT_EQ(fs::last_write_time(path("run/keys/000001.h5")), written);
  settings.back() = "dataset.shard_size=4";
  expect_refusal(command("run", settings), 3, {"dataset.shard_size was 5, is 4"});
}

/// Of the masks of K = 2: unassigned pixels, images that have no other, and all pixels, counted from the files.
struct Counted {
  std::int64_t pixels = 0;
  std::int64_t unassigned = 0;
  std::int64_t empty = 0;
};
Counted count_masks(const fs::path& masks) {
  Counted counted;
  for (const std::string& name : files_below(masks)) {
    const auto labels = read_mask(masks / name).labels;
    const auto unassigned = std::ranges::count_if(labels, [](std::int32_t label) { return label < 0; });
    counted.pixels += std::ssize(labels);
    counted.unassigned += unassigned;
    counted.empty += unassigned == std::ssize(labels) ? 1 : 0;
  }
  return counted;
}

TEST_F(SmallRuns, WhatIsInNoSegmentIsCountedAndSaid) {
  write_test_images(path("images"), 4);
  for (const char* name : {"white.png", "black.png"}) {
    Image frame(40, 40);
    frame.pixels.assign(frame.pixels.size(), name[0] == 'w' ? 255 : 0);
    write_png(path("images") / name, frame);
  }
  const Arguments settings = {"--set", "affinity.center=image", "--set", "segment.min_patches=6",
                              "--set", "mask.resolution=grid"};
  const Outcome outcome = command("run", settings, 2);
  ASSERT_EQ(outcome.code, 0) << outcome;
  const Counted counted = count_masks(path("run/masks/k002"));
  ASSERT_EQ(counted.pixels, 6 * 16);
  const Json found = summary()["segmentation"];
  EXPECT_EQ(found["images"], 6);
  EXPECT_EQ(found["patches"], counted.pixels);
  EXPECT_EQ(found["unassigned_patches"], counted.unassigned);
  EXPECT_EQ(found["images_without_segment"], counted.empty);
  EXPECT_EQ(found["pairs"], 6 * 16 * 15 / 2);
  EXPECT_GE(counted.empty, 1) << "all have segments: the test shows nothing";
  const std::string line = " % of the patches in no segment, " + std::to_string(counted.empty) + " of 6 images ";
  EXPECT_NE(outcome.out.find(line), std::string::npos) << outcome;
  EXPECT_NE(outcome.err.find(line), std::string::npos) << outcome;
  const std::string page = bytes_of(path("run/report/index.html"));
  EXPECT_NE(page.find(line), std::string::npos);
  EXPECT_NE(page.find("<strong>Warning:</strong>"), std::string::npos);

  // It stays in the summary of a run that has nothing left to do.
  EXPECT_EQ(command("run", settings).code, 0);
  EXPECT_EQ(summary()["segmentation"], found);
}

TEST_F(SmallRuns, WithoutGapsThereIsNoWarning) {
  write_test_images(path("images"), 3);
  const Outcome outcome = command("run", every_patch);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(summary()["segmentation"]["unassigned_patches"], 0);
  EXPECT_TRUE(summary()["segmentation"]["edge_share"].is_null());
  EXPECT_NE(outcome.out.find("0.0 % of the patches in no segment, 0 of 3 images without any\n"), std::string::npos);
  EXPECT_EQ(outcome.err.find("warning"), std::string::npos) << outcome;
  EXPECT_EQ(bytes_of(path("run/report/index.html")).find("Warning"), std::string::npos);
}

TEST_F(SmallRuns, CleanRemovesTheValuesOfKThatAreNoLongerAskedFor) {
  write_test_images(path("images"), 3);
  Arguments several = every_patch;
  several.insert(several.end(), {"--set", "cluster.k=[2,3,300]", "--set", "segment.min_patches=0"});
  write_many_images(20);
  ASSERT_EQ(command("run", several).code, 0);
  EXPECT_EQ(program({"clean", "run"}).out, "run: nothing to remove, all is of cluster.k\n");
  ASSERT_EQ(command("run", every_patch).code, 0);
  const auto everything = files_below(path("run"));
  const Outcome overview = program({"inspect", "run"});
  EXPECT_NE(overview.out.find("no longer asked for, but there: 3, 300 ('datus clean run' removes them)"),
            std::string::npos)
      << overview;

  const Outcome dry = program({"clean", "run", "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry;
  EXPECT_EQ(files_below(path("run")), everything);
  for (const char* part : {"K = 3 would be removed", "masks/k003\n", "masks/.done/k300\n", "masks/k300-preview\n",
                           "clusters/k300\n", "nothing was changed"}) {
    EXPECT_NE(dry.out.find(part), std::string::npos) << part << "\n" << dry;
  }
  EXPECT_EQ(dry.out.find("k002"), std::string::npos) << dry;

  const Outcome cleaned = program({"clean", "run"});
  EXPECT_EQ(cleaned.code, 0) << cleaned;
  std::vector<std::string> kept;
  for (const std::string& name : everything) {
    if (name.find("k003") == std::string::npos && name.find("k300") == std::string::npos) kept.push_back(name);
  }
  EXPECT_LT(kept.size(), everything.size());
  EXPECT_EQ(files_below(path("run")), kept);
  const Outcome verified = program({"inspect", "--verify", "run"});
  EXPECT_EQ(verified.code, 0) << verified;
  EXPECT_EQ(verified.out.find("note"), std::string::npos) << verified;
  expect_refusal(program({"clean", "images"}), 3, {"images", "no config.yaml"});
}

}  // namespace small_runs_test
}  // namespace datus::test
