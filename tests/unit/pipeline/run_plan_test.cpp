// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/run_plan.hpp"

#include "datus/comm/self_communicator.hpp"
#include "small_run.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace run_plan_test {

namespace fs = std::filesystem;

const ModelShape shape{SmallRun::grid, SmallRun::dim, SmallRun::dim};

std::vector<StageSet> everything(const SmallRun& run) {
  return std::vector<StageSet>(static_cast<std::size_t>(run.list().shards()), shard_stages);
}

std::vector<StageSet> nothing(const SmallRun& run) {
  return std::vector<StageSet>(static_cast<std::size_t>(run.list().shards()));
}

RunSize estimate_of(const SmallRun& run, const Config& config) {
  return estimate_run_size(config, run.list(), shape.grid, shape.dim, shape.descriptor_dim);
}

/// What the run will take when `stale` are made again, and what by its names is not there.
RunSize size_after(SmallRun& run, const std::vector<StageSet>& stale) {
  SelfCommunicator comm;
  const auto context = run.context(comm);
  return run_size_after(context, files_to_make(context, stale), shape, present_run_size(run.directory()));
}

/// The files of a K as far as their names count.
void make_clusters_and_masks(const SmallRun& run, int k, std::int64_t mask_shards) {
  write_bytes(run.directory().centroids(k), std::string(1000, 'x'));
  write_bytes(run.directory().assignment(k), std::string(2000, 'x'));
  for (std::int64_t shard = 0; shard < mask_shards; ++shard) {
    write_bytes(run.directory().mask_record(k, {shard}), std::string(300, 'x'));
    const auto [begin, end] = run.list().range({shard});
    for (std::int64_t i = begin; i < end; ++i) {
      const std::string name = "photo" + zero_padded(i, 4) + ".png";
      write_bytes(run.directory().masks(k) / name, std::string(1000, 'x'));
    }
  }
}

TEST(FilesToMake, ClustersAndMasksByTheirNames) {
  Config config;
  config.cluster.k = {5, 7, 9};
  SmallRun run(3, config);
  make_clusters_and_masks(run, 5, 3);
  make_clusters_and_masks(run, 7, 1);
  SelfCommunicator comm;
  const auto todo = files_to_make(run.context(comm), nothing(run));
  EXPECT_EQ(todo.clusters, std::vector<int>{9});
  EXPECT_FALSE(todo.masks.contains(5));
  EXPECT_EQ(todo.masks.at(7), (std::vector<ShardIndex>{{1}, {2}}));
  EXPECT_EQ(todo.masks.at(9), (std::vector<ShardIndex>{{0}, {1}, {2}}));
  EXPECT_TRUE(todo.any());
}

TEST(FilesToMake, NoneOfAFinishedRun) {
  SmallRun run(2);
  make_clusters_and_masks(run, 27, 2);
  SelfCommunicator comm;
  const auto context = run.context(comm);
  EXPECT_FALSE(files_to_make(context, nothing(run)).any());
  auto stale = nothing(run);
  stale[1].set(Stage::describe);
  EXPECT_TRUE(files_to_make(context, stale).any());
}

TEST(RunSizeAfter, OfANewRunIsTheEstimate) {
  SmallRun run(5);
  EXPECT_EQ(size_after(run, everything(run)), estimate_of(run, run.config()));
}

TEST(RunSizeAfter, OfAFinishedRunIsWhatIsThere) {
  SmallRun run(3);
  run.make_all_shards();
  make_clusters_and_masks(run, 27, 3);
  const RunSize present = present_run_size(run.directory());
  EXPECT_EQ(size_after(run, nothing(run)), present);
  EXPECT_EQ(required_bytes(size_after(run, nothing(run)), present), 0);
  // Nobody reads the weights of such a run.
  SelfCommunicator comm;
  const auto context = run.context(comm);
  EXPECT_EQ(run_size_after(context, files_to_make(context, nothing(run)), ModelShape(), present), present);
}

// The estimate of descriptors and masks is high; what a nearly finished run needs must not be.
TEST(RunSizeAfter, TheRestOfARunIsThatOfItsLastShard) {
  SmallRun run(12);
  run.make_all_shards();
  make_clusters_and_masks(run, 27, 11);
  const RunSize finished = present_run_size(run.directory());
  const ShardIndex last{10};  // has three images; the very last has one
  const auto bytes = static_cast<std::int64_t>(fs::file_size(run.directory().keys(last)));
  for (const auto& path :
       {run.directory().keys(last), run.directory().segments(last), run.directory().descriptors(last)}) {
    fs::remove(path);
  }
  auto stale = nothing(run);
  stale[10] = shard_stages;
  const RunSize whole = size_after(run, stale);
  EXPECT_NEAR(static_cast<double>(whole.keys), static_cast<double>(finished.keys), 0.01 * static_cast<double>(bytes));
  const RunSize growth = bytes_to_write(whole, present_run_size(run.directory()));
  const RunSize estimate = estimate_of(run, run.config());
  EXPECT_GT(growth.descriptors, 0);
  EXPECT_LT(growth.descriptors, estimate.descriptors / 10);
  EXPECT_GT(growth.masks, 0);
  EXPECT_LT(growth.masks, estimate.masks / 10);
  EXPECT_EQ(growth.clusters, 0);
}

TEST(RunSizeAfter, FilesThatAreReplacedGiveTheirBytesBack) {
  SmallRun run(4);
  run.make_all_shards();
  const RunSize present = present_run_size(run.directory());
  const RunSize whole = size_after(run, everything(run));
  EXPECT_NEAR(static_cast<double>(whole.keys), static_cast<double>(present.keys),
              0.01 * static_cast<double>(present.keys));
  EXPECT_LT(whole.segments, 2 * present.segments);
}

// Results for another K stay where they are: they take nothing off what the new ones need.
TEST(RunSizeAfter, ResultsOfAnotherKStay) {
  SmallRun run(3);
  run.make_all_shards();
  make_clusters_and_masks(run, 27, 3);
  run.config().cluster.k = {8};
  const RunSize growth = bytes_to_write(size_after(run, nothing(run)), present_run_size(run.directory()));
  EXPECT_EQ(growth.clusters, estimate_of(run, run.config()).clusters);
  EXPECT_EQ(growth.masks, estimate_of(run, run.config()).masks);
  EXPECT_EQ(growth.keys + growth.segments + growth.descriptors, 0);
}

TEST(RunSizeAfter, KeysThatAreNotKeptAnyMoreNeedNothing) {
  SmallRun run(2);
  run.make_all_shards();
  run.config().storage.embeddings = StorageConfig::Embeddings::none;
  auto stale = everything(run);
  for (auto& files : stale) files.set(Stage::extract, false);
  EXPECT_EQ(size_after(run, stale).keys, present_run_size(run.directory()).keys);
}

RunPlan sample_plan() {
  RunPlan plan;
  plan.directory = "runs/sample";
  plan.images = 8;
  plan.shards = 4;
  plan.stages = {{"extract", "3 of 4 shards", "model.input_size: 224 became 448"}, {"segment", "", ""}};
  plan.todo.clusters = {6};
  plan.whole = {.keys = 3 << 20, .masks = 1 << 20};
  plan.present = {.keys = 1 << 20, .masks = 1 << 20};
  plan.files = {.masks = 20, .all = 95};
  plan.free = 20 << 20;
  return plan;
}

TEST(PlanText, TellsStagesReasonsAndBytes) {
  EXPECT_EQ(plan_text(sample_plan()),
            "runs/sample: 8 images in 4 shards\n"
            "  extract   3 of 4 shards (model.input_size: 224 became 448)\n"
            "  segment   up to date\n"
            "\n"
            "  files         in the end   there now    to write\n"
            "  keys            3.00 MiB    1.00 MiB    2.00 MiB\n"
            "  segments         0 bytes     0 bytes     0 bytes\n"
            "  descriptors      0 bytes     0 bytes     0 bytes\n"
            "  clusters         0 bytes     0 bytes     0 bytes\n"
            "  masks           1.00 MiB    1.00 MiB     0 bytes\n"
            "  other            0 bytes     0 bytes     0 bytes\n"
            "  total           4.00 MiB    2.00 MiB    2.00 MiB\n"
            "  about 95 files in the end, 20 of them masks\n"
            "  it fits: 18.0 MiB are needed with a margin, 20.0 MiB are free\n");
}

TEST(PlanText, TellsWhatDoesNotFit) {
  RunPlan plan = sample_plan();
  plan.free = 1 << 20;
  EXPECT_FALSE(plan.fits());
  EXPECT_NE(plan_text(plan).find("it does not fit, 17.0 MiB are missing: 18.0 MiB are needed with a margin, 1.00 MiB"),
            std::string::npos)
      << plan_text(plan);
}

TEST(PlanText, TellsWhenNothingIsToBeDone) {
  RunPlan plan = sample_plan();
  plan.todo = {};
  plan.whole = plan.present;
  plan.free = 0;
  EXPECT_TRUE(plan.fits());
  const std::string text = plan_text(plan);
  EXPECT_NE(text.find("everything is up to date"), std::string::npos) << text;
  EXPECT_NE(text.find("nothing more to write"), std::string::npos) << text;
  EXPECT_EQ(plan_text(sample_plan()).find("everything"), std::string::npos);
}

TEST(PlanText, TellsOfImagesThatCannotBeRead) {
  RunPlan plan = sample_plan();
  plan.unreadable = 2;
  EXPECT_NE(plan_text(plan).find("8 images in 4 shards, 2 of the images cannot be read\n"), std::string::npos);
}

}  // namespace run_plan_test
}  // namespace datus::test
