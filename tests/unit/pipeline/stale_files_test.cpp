// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pending/stale_files.hpp"

#include "datus/comm/self_communicator.hpp"
#include "small_run.hpp"
#include "support/thread_communicator.hpp"

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace stale_files_test {

namespace fs = std::filesystem;

constexpr StageSet all_three = {Stage::extract, Stage::segment, Stage::describe};

/// "k-- --- -sd": for each shard which of its files are stale.
std::string flags_of(const StaleShards& found) {
  std::string text;
  for (const auto& files : found.shards) {
    if (!text.empty()) text += ' ';
    text += files.has(Stage::extract) ? 'k' : '-';
    text += files.has(Stage::segment) ? 's' : '-';
    text += files.has(Stage::describe) ? 'd' : '-';
  }
  return text;
}

StaleShards look(const SmallRun& run, StageSet stages = all_three) {
  SelfCommunicator comm;
  auto context = run.context(comm);
  return find_stale_shards(context, stages);
}

bool is_said(const std::vector<std::string>& reasons, const std::string& part) {
  for (const auto& reason : reasons) {
    if (reason.find(part) != std::string::npos) return true;
  }
  return false;
}

/// Changes one bit in the middle of a file: in its data, which take most of a shard with several images.
void damage(const fs::path& path) {
  std::string bytes = bytes_of(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_bytes(path, bytes);
}

TEST(StaleFiles, ANewRunHasEverythingToDoAndNoReason) {
  const StaleShards found = look(SmallRun(3));
  EXPECT_EQ(flags_of(found), "ksd ksd ksd");
  EXPECT_EQ(found.reasons, std::vector<std::string>());
}

TEST(StaleFiles, AFinishedRunHasNothingToDo) {
  const SmallRun run(3);
  run.make_all_shards();
  const StaleShards found = look(run);
  EXPECT_EQ(flags_of(found), "--- --- ---");
  EXPECT_EQ(found.reasons, std::vector<std::string>());
}

TEST(StaleFiles, WithoutShards) {
  const StaleShards found = look(SmallRun(0));
  EXPECT_EQ(flags_of(found), "");
  EXPECT_EQ(found.reasons, std::vector<std::string>());
}

TEST(StaleFiles, OnlyTheStagesAskedForAreLookedAt) {
  const SmallRun run(2);
  EXPECT_EQ(flags_of(look(run, {Stage::extract})), "k-- k--");
  EXPECT_EQ(flags_of(look(run, {Stage::segment})), "-s- -s-");
  EXPECT_EQ(flags_of(look(run, {Stage::describe})), "--d --d");
  EXPECT_EQ(flags_of(look(run, {Stage::segment, Stage::describe})), "-sd -sd");
}

TEST(StaleFiles, AMissingFileIsMadeAndNothingElse) {
  const SmallRun run(3);
  run.make_all_shards();
  fs::remove(run.directory().keys({0}));
  fs::remove(run.directory().segments({1}));
  fs::remove(run.directory().descriptors({2}));
  const StaleShards found = look(run);
  EXPECT_EQ(flags_of(found), "k-- -s- --d");
  EXPECT_EQ(found.reasons, std::vector<std::string>());
}

TEST(StaleFiles, KeysThatAreNotKeptAreNeverStale) {
  Config config;
  config.storage.embeddings = StorageConfig::Embeddings::none;
  EXPECT_EQ(flags_of(look(SmallRun(2, config))), "-sd -sd");
}

TEST(StaleFiles, AChangedSettingIsToldAndReachesTheLaterStages) {
  SmallRun run(2);
  run.make_all_shards();
  run.config().segment.min_patches = 9;
  const StaleShards segment = look(run);
  EXPECT_EQ(flags_of(segment), "-sd -sd");
  EXPECT_EQ(segment.reasons,
            (std::vector<std::string>{"segment.min_patches: 5 became 9", "the stage before it changed"}));
  EXPECT_EQ(segment.reasons_of_stage.at(Stage::extract), std::vector<std::string>());
  EXPECT_EQ(segment.reasons_of_stage.at(Stage::segment), std::vector<std::string>{"segment.min_patches: 5 became 9"});
  EXPECT_EQ(segment.reasons_of_stage.at(Stage::describe), std::vector<std::string>{"the stage before it changed"});

  run.config().model.input_size = {448, 448};
  const StaleShards extract = look(run);
  EXPECT_EQ(flags_of(extract), "ksd ksd");
  EXPECT_EQ(extract.reasons.front(), "model.input_size: 224 became 448");
}

TEST(StaleFiles, ADamagedFileIsFoundByItsContentAndNamed) {
  const SmallRun run(4);
  run.make_all_shards();
  const std::vector<fs::path> damaged = {run.directory().keys({0}), run.directory().segments({1}),
                                         run.directory().descriptors({3})};
  for (const auto& path : damaged) damage(path);
  const StaleShards found = look(run);
  EXPECT_EQ(flags_of(found), "k-- -s- --- --d");
  for (const auto& path : damaged) EXPECT_TRUE(is_said(found.reasons, path.string())) << path;
  EXPECT_EQ(found.reasons.size(), 3U);
}

TEST(StaleFiles, WhatIsNoShardAtAllIsMadeAgain) {
  const SmallRun run(4);
  run.make_all_shards();
  write_bytes(run.directory().keys({0}), "");
  write_bytes(run.directory().keys({1}), "no HDF5 file");
  fs::resize_file(run.directory().keys({2}), fs::file_size(run.directory().keys({2})) / 2);
  fs::remove(run.directory().keys({3}));
  fs::create_directory(run.directory().keys({3}));
  const StaleShards found = look(run);
  EXPECT_EQ(flags_of(found), "k-- k-- k-- k--");
  for (int shard = 0; shard < 4; ++shard) {
    EXPECT_TRUE(is_said(found.reasons, run.directory().keys({shard}).string())) << shard;
  }
}

TEST(StaleFiles, ACopyOfAnotherShardIsNoShard) {
  const SmallRun run(3);
  run.make_all_shards();
  fs::copy_file(run.directory().segments({0}), run.directory().segments({1}), fs::copy_options::overwrite_existing);
  const StaleShards found = look(run);
  EXPECT_EQ(flags_of(found), "--- -s- ---");
  EXPECT_TRUE(is_said(found.reasons, "shard 0"));
}

TEST(StaleFiles, AllRanksFindTheSame) {
  SmallRun run(13);
  run.make_all_shards();
  for (const std::int64_t shard : {1, 2, 3, 4, 5, 6, 8, 9, 10, 11}) damage(run.directory().segments({shard}));
  for (const std::int64_t shard : {0, 1, 4, 12}) damage(run.directory().keys({shard}));
  fs::remove(run.directory().descriptors({7}));
  const StaleShards alone = look(run);
  EXPECT_EQ(flags_of(alone), "k-- ks- -s- -s- ks- -s- -s- --d -s- -s- -s- -s- k--");
  ASSERT_EQ(alone.reasons.size(), 10U);
  EXPECT_EQ(alone.reasons_of_stage.at(Stage::segment).size(), 10U);
  for (const std::size_t i : {0U, 1U, 2U, 3U}) EXPECT_NE(alone.reasons[i].find("/keys/"), std::string::npos);
  for (const int ranks : {2, 3, 5, 16}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    std::mutex mutex;
    run_on_threads(ranks, [&](Communicator& comm) {
      auto context = run.context(comm);
      const StaleShards found = find_stale_shards(context, all_three);
      const std::scoped_lock lock(mutex);
      EXPECT_EQ(flags_of(found), flags_of(alone));
      EXPECT_EQ(found.reasons, alone.reasons);
      EXPECT_EQ(found.reasons_of_stage, alone.reasons_of_stage);
    });
  }
}

}  // namespace stale_files_test
}  // namespace datus::test
