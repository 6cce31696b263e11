// SPDX-License-Identifier: Apache-2.0
#include "pipeline/preflight/node_checks.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/io/atomic_file.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <chrono>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::preflight_detail {
namespace preflight_checks_test {

namespace fs = std::filesystem;
using test::TempFolder;
using test::write_bytes;

constexpr std::chrono::milliseconds at_once(0);

TEST(PreflightChecks, WhatACheckThrowsIsAProblem) {
  RankFacts facts;
  attempt(facts, [] {});
  EXPECT_TRUE(facts.problems.empty());
  attempt(facts, [] { throw InputError("Cannot read x", "it is gone", "Bring it back."); });
  attempt(facts, [] { throw std::runtime_error("something else"); });
  ASSERT_EQ(facts.problems.size(), 2U);
  EXPECT_EQ(facts.problems[0].code, ExitCode::bad_input);
  EXPECT_EQ(facts.problems[0].text, "Cannot read x (it is gone) Bring it back.");
  EXPECT_EQ(facts.problems[1].code, ExitCode::failure);
  EXPECT_EQ(facts.problems[1].text, "something else");
}

TEST(PreflightChecks, TheGpuOfARank) {
  GpuSurvey survey;
  for (const int index : {0, 1}) {
    survey.gpus.push_back({.index = index, .name = "NVIDIA H100", .uuid = "GPU-" + std::to_string(index)});
  }
  run_on_threads(2, [&](Communicator& comm) {
    RankFacts facts;
    check_card(comm, survey, false, facts);
    EXPECT_TRUE(facts.problems.empty());
    EXPECT_EQ(facts.card.value().uuid, "GPU-" + std::to_string(comm.rank()));
    EXPECT_FALSE(facts.card->shareable);
  });
  run_on_threads(3, [&](Communicator& comm) {
    RankFacts facts;
    check_card(comm, survey, false, facts);
    EXPECT_EQ(facts.problems.at(0).code, ExitCode::usage);
    EXPECT_TRUE(facts.problems[0].text.starts_with("3 ranks on this node and 2 GPUs (")) << facts.problems[0].text;
    RankFacts sharing;
    check_card(comm, survey, true, sharing);
    EXPECT_TRUE(sharing.problems.empty());
    EXPECT_TRUE(sharing.card.value().shareable);
  });
}

TEST(PreflightChecks, NoGpuAtAll) {
  SelfCommunicator comm;
  RankFacts facts;
  check_card(comm, {.gpus = {}, .problem = "no NVIDIA driver on this machine", .versions = {}}, true, facts);
  EXPECT_FALSE(facts.card);
  EXPECT_TRUE(facts.problems.at(0).text.starts_with(
      "No GPU can be used, and the configuration asks for one (no NVIDIA driver on this machine) "))
      << facts.problems[0].text;
}

TEST(PreflightChecks, TheNearestFolder) {
  const TempFolder folder;
  fs::create_directories(folder / "runs" / "coco");
  EXPECT_EQ(nearest_folder(folder / "runs" / "coco"), folder / "runs" / "coco");
  EXPECT_EQ(nearest_folder(folder / "runs" / "new" / "deep"), folder / "runs");
  EXPECT_EQ(nearest_folder((folder / "runs" / "new").string() + "/"), folder / "runs");
  EXPECT_EQ(nearest_folder(folder / "runs" / "new" / ".." / "coco"), folder / "runs" / "coco");
  EXPECT_EQ(nearest_folder("surely/not/there"), fs::current_path());
}

TEST(PreflightChecks, SomethingElseInPlaceOfTheFolder) {
  const TempFolder folder;
  write_bytes(folder / "file", "text");
  fs::create_symlink(folder / "nowhere", folder / "link");
  for (const char* name : {"file", "file/run", "link", "link/run"}) {
    EXPECT_THROW((void)nearest_folder(folder / name), UsageError) << name;
  }
  fs::create_directories(folder / "there");
  fs::create_directory_symlink(folder / "there", folder / "good");
  EXPECT_EQ(nearest_folder(folder / "good" / "run"), folder / "good");
}

TEST(PreflightChecks, ATokenIsThereAsLongAsItsObject) {
  const TempFolder folder;
  {
    TokenFile token(folder.path(), "4711.0.12");
    EXPECT_EQ(test::files_below(folder.path()), std::vector<std::string>{token_name("4711.0.12")});
    EXPECT_TRUE(is_unfinished(folder / token_name("4711.0.12"))) << "the next job on the run must clear it away";
    EXPECT_TRUE(token_appears(folder.path(), "4711.0.12", at_once));
    EXPECT_TRUE(token_appears(folder / "new" / "run", "4711.0.12", at_once)) << "the folder nearest to the run";
    EXPECT_FALSE(token_appears(folder.path(), "4711.1.12", at_once)) << "that of another start";
    const TokenFile other(folder.path(), "other");
    token.remove();
    EXPECT_EQ(test::files_below(folder.path()), std::vector<std::string>{token_name("other")});
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(PreflightChecks, ATokenWithOtherContentIsNone) {
  const TempFolder folder;
  write_bytes(folder / token_name("a"), "b");
  EXPECT_FALSE(token_appears(folder.path(), "a", at_once));
}

TEST(PreflightChecks, ATokenMayAppearLate) {
  const TempFolder folder;
  auto found =
      std::async(std::launch::async, [&] { return token_appears(folder / "run", "late", std::chrono::minutes(1)); });
  fs::create_directories(folder / "run");  // it, too, may be seen late
  const TokenFile token(folder / "run", "late");
  EXPECT_TRUE(found.get());
}

TEST(PreflightChecks, AFolderThatTakesNoFile) {
  const TempFolder folder;
  EXPECT_THROW(TokenFile(folder / "missing", "a"), SystemError);
  write_bytes(folder / "file", "");
  EXPECT_THROW(TokenFile(folder / "file", "a"), SystemError);
}

DatasetConfig images_in(const fs::path& folder) {
  DatasetConfig config;
  config.images = folder;
  return config;
}

TEST(PreflightChecks, TheImagesAreComparedByNameAndNumber) {
  const TempFolder folder;
  for (const char* name :
       {"one/a.jpg", "one/b.jpg", "same/a.jpg", "same/b.jpg", "less/a.jpg", "other/a.jpg", "other/c.jpg"}) {
    write_bytes(folder / name, "not looked into");
  }
  const auto described = [&](const char* name) {
    RankFacts facts;
    check_dataset(images_in(folder / name), facts);
    EXPECT_TRUE(facts.problems.empty()) << facts.problems.at(0).text;
    return facts.shared.at(0).value;
  };
  EXPECT_EQ(described("one"), described("same"));
  EXPECT_NE(described("one"), described("less"));
  EXPECT_NE(described("one"), described("other"));
  EXPECT_TRUE(described("less").starts_with("1 images")) << described("less");
}

TEST(PreflightChecks, ImagesThatCannotBeOpened) {
  const TempFolder folder;
  const auto problems_of = [&](const char* list) {
    write_bytes(folder / "list.txt", list);
    DatasetConfig config = images_in(folder / "list.txt");
    config.kind = "list";
    RankFacts facts;
    check_dataset(config, facts);
    return facts.problems;
  };
  write_bytes(folder / "there.jpg", "x");
  EXPECT_TRUE(problems_of("missing.jpg\nthere.jpg\n").empty()) << "a run reports single images that are missing";
  const auto none = problems_of("missing.jpg\nmissing2.jpg\n");
  ASSERT_EQ(none.size(), 1U);
  EXPECT_EQ(none[0].code, ExitCode::bad_input);
  EXPECT_NE(none[0].text.find("missing.jpg"), std::string::npos) << none[0].text;
  RankFacts facts;
  check_dataset(images_in(folder / "nowhere"), facts);
  ASSERT_EQ(facts.problems.size(), 1U);
  EXPECT_NE(facts.problems[0].text.find("nowhere"), std::string::npos) << facts.problems[0].text;
}

TEST(PreflightChecks, TheWeightsOfBothModels) {
  const TempFolder folder;
  write_bytes(folder / "a", "abc");
  write_bytes(folder / "b", "abd");
  Config config;
  RankFacts facts;
  check_weights(config, facts);
  EXPECT_TRUE(facts.shared.empty());
  config.model.weights = folder / "a";
  config.descriptor.weights = folder / "b";
  check_weights(config, facts);
  ASSERT_EQ(facts.shared.size(), 2U);
  EXPECT_NE(facts.shared[0].what, facts.shared[1].what) << "they must not be compared with each other";
  EXPECT_EQ(facts.shared[0].value.size(), std::string("hash ").size() + 32);
  EXPECT_NE(facts.shared[0].value, facts.shared[1].value);
  config.descriptor.weights = folder / "missing";
  check_weights(config, facts);
  ASSERT_EQ(facts.problems.size(), 1U);
  EXPECT_NE(facts.problems[0].text.find("missing"), std::string::npos);
}

TEST(PreflightChecks, TheProgram) {
  RankFacts facts;
  check_program(facts);
  ASSERT_EQ(facts.shared.size(), 2U);
  EXPECT_TRUE(facts.problems.empty());
  EXPECT_NE(facts.shared[0].advice.find(fs::read_symlink("/proc/self/exe").string()), std::string::npos);
  EXPECT_NE(facts.shared[1].advice.find("libdatus_transformer.so"), std::string::npos);
  EXPECT_NE(facts.shared[0].value, facts.shared[1].value);
}

}  // namespace preflight_checks_test
}  // namespace datus::preflight_detail
