// SPDX-License-Identifier: Apache-2.0
// What is made of the facts of all ranks: one line for each problem, whatever the number of ranks and nodes that have
// it.

#include "pipeline/preflight/rank_facts.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::preflight_detail {
namespace preflight_facts_test {

constexpr std::int64_t gibibyte = std::int64_t{1} << 30;

/// A rank of `node` that has nothing to complain of. The first of its node tells of files, too.
RankFacts good(const std::string& node, bool is_first) {
  RankFacts facts{.node = node, .threads = 2, .share = 2};
  facts.shared.push_back({"the backend is", "cpu AVX2", "Take nodes of one kind."});
  if (!is_first) return facts;
  facts.shared.push_back({"the weights are", "hash 12ab", "Copy the same file to all nodes: /w.pth"});
  facts.folder = {.path = "/runs/coco", .free_bytes = 5 * gibibyte, .sees_token = true};
  return facts;
}

/// Four ranks on n1 and n2.
std::vector<RankFacts> good_job() {
  return {good("n1", true), good("n1", false), good("n2", true), good("n2", false)};
}

std::vector<std::string> lines(const std::vector<RankFacts>& facts, std::optional<int> wanted = {}) {
  std::vector<std::string> result;
  for (const Finding& finding : findings_in(facts, wanted)) result.push_back(finding.line());
  return result;
}

using Lines = std::vector<std::string>;

TEST(PreflightFacts, NothingIsFoundInAGoodJob) {
  EXPECT_EQ(lines(good_job(), 4), Lines{});
  EXPECT_EQ(summary_of(good_job()), "4 ranks on 2 nodes, 2 threads each, 5.00 GiB free in /runs/coco");
  auto uneven = good_job();
  uneven[3].threads = 7;
  EXPECT_EQ(summary_of(uneven), "4 ranks on 2 nodes, 2 to 7 threads each, 5.00 GiB free in /runs/coco");
  EXPECT_EQ(summary_of({{.node = "n1"}}), "1 rank on 1 node, 1 thread each");
}

TEST(PreflightFacts, DifferingHashes) {
  auto facts = good_job();
  facts[2].shared[1].value = "hash 34cd";
  EXPECT_EQ(lines(facts),
            Lines{"preflight: n2: the weights are not the same as on n1 (hash 34cd against hash 12ab) Copy "
                  "the same file to all nodes: /w.pth"});
  EXPECT_EQ(findings_in(facts, {}).front().code, ExitCode::usage);
}

TEST(PreflightFacts, AFileThatTheFirstNodeLacksIsComparedBetweenTheOthers) {
  auto facts = good_job();
  facts.push_back(good("n3", true));
  facts[0].shared.pop_back();
  facts[0].problems.push_back({ExitCode::bad_input, "Cannot read /w.pth (No such file or directory)"});
  facts[4].shared[1].value = "hash 34cd";
  const Lines found = lines(facts);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0].starts_with("preflight: n3: the weights are not the same as on n2 (")) << found[0];
  EXPECT_EQ(found[1], "preflight: n1: Cannot read /w.pth (No such file or directory)");
}

TEST(PreflightFacts, RanksOfOneNodeThatDifferAreOneLine) {
  auto facts = good_job();
  for (const std::size_t rank : {2, 3}) facts[rank].shared[0].value = "cpu AVX512";
  EXPECT_EQ(lines(facts),
            Lines{"preflight: n2: the backend is not the same as on n1 (cpu AVX512 against cpu AVX2) Take "
                  "nodes of one kind."});
  facts = good_job();
  facts[1].shared[0].value = "cpu AVX512";
  ASSERT_EQ(lines(facts).size(), 1U);
  EXPECT_TRUE(lines(facts)[0].starts_with("preflight: n1: the backend is not the same as on another rank there ("));
}

TEST(PreflightFacts, OfLongTextsTheFirstLineThatDiffersIsShown) {
  auto facts = good_job();
  facts[0].shared.push_back({"the configuration is", "run:\n  seed: 1\ncluster:\n  k: [27]\n", "Use one file."});
  facts[2].shared.push_back({"the configuration is", "run:\n  seed: 1\ncluster:\n  k: [31]\n", "Use one file."});
  EXPECT_EQ(lines(facts),
            Lines{"preflight: n2: the configuration is not the same as on n1 (k: [31] against k: [27]) Use one file."});
  facts[2].shared.back().value = "run:\n  seed: 1\n";
  EXPECT_NE(lines(facts).at(0).find("( against cluster:)"), std::string::npos) << lines(facts).at(0);
  facts[2].shared.back().value = std::string(1000, 'x');
  EXPECT_LT(lines(facts).at(0).size(), 300U);
}

TEST(PreflightFacts, TheSameProblemOnManyNodesIsOneLine) {
  std::vector<RankFacts> facts;
  for (int node = 1; node <= 9; ++node) {
    facts.push_back(good("n" + std::to_string(node), true));
    facts.push_back(good("n" + std::to_string(node), false));
  }
  for (auto& rank : facts) rank.problems.push_back({ExitCode::failure, "no room"});
  EXPECT_EQ(lines(facts), Lines{"preflight: n1, n2, n3, n4 and 5 more: no room"});
}

TEST(PreflightFacts, ANodeThatDoesNotSeeTheRunDirectory) {
  auto facts = good_job();
  facts[2].folder = {.path = "/runs", .free_bytes = gibibyte, .sees_token = false};
  const Lines found = lines(facts);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].starts_with("preflight: n2: the run directory is not the folder that n1 has (")) << found[0];
  for (const char* part : {"in /runs/coco does not appear in /runs)", "--run"}) {
    EXPECT_NE(found[0].find(part), std::string::npos) << found[0];
  }
  facts[2].folder->sees_token.reset();
  EXPECT_EQ(lines(facts), Lines{}) << "when there was no file to see, its maker says why";
}

TEST(PreflightFacts, TooLittleRoom) {
  auto facts = good_job();
  facts[2].folder->free_bytes = least_free_bytes;
  EXPECT_EQ(lines(facts), Lines{});
  facts[2].folder->free_bytes -= 1024;
  ASSERT_EQ(lines(facts).size(), 1U);
  EXPECT_TRUE(lines(facts)[0].starts_with("preflight: n2: too little room")) << lines(facts)[0];
  EXPECT_EQ(findings_in(facts, {}).front().code, ExitCode::failure);
}

TEST(PreflightFacts, MissingRanks) {
  auto facts = good_job();
  facts.pop_back();
  EXPECT_EQ(lines(facts, 4), Lines{"preflight: n1, n2: 3 ranks started, but 4 were asked for (2 on n1, 1 on n2) Check "
                                   "the number of tasks of srun or mpirun."});
  EXPECT_EQ(findings_in(facts, 4).front().code, ExitCode::usage);
  EXPECT_EQ(lines(facts, 3), Lines{});
  EXPECT_EQ(lines(facts), Lines{});
}

TEST(PreflightFacts, EveryProblemIsReportedTheLaunchFirst) {
  auto facts = good_job();
  facts[0].problems.push_back({ExitCode::bad_input, "of n1"});
  facts[2].problems.push_back({ExitCode::failure, "of\nn2"});
  facts[2].shared[1].value = "hash 34cd";
  facts[2].folder->free_bytes = 0;
  const auto findings = findings_in(facts, 5);
  std::vector<ExitCode> codes;
  for (const Finding& finding : findings) codes.push_back(finding.code);
  EXPECT_EQ(codes,
            (std::vector{ExitCode::usage, ExitCode::usage, ExitCode::bad_input, ExitCode::failure, ExitCode::failure}));
  for (const Finding& finding : findings) EXPECT_EQ(finding.line().find('\n'), std::string::npos) << finding.line();
  EXPECT_EQ(findings[3].line(), "preflight: n2: of n2");
}

TEST(PreflightFacts, FewerCoresThanGrantedAreAWarning) {
  auto facts = good_job();
  for (auto& rank : facts) rank.granted_cores = 2;
  EXPECT_EQ(lines(facts), Lines{});
  for (auto& rank : facts) rank.granted_cores = 4;
  const auto findings = findings_in(facts, {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, ExitCode::done);
  EXPECT_TRUE(findings[0].line().starts_with("preflight: n1, n2: warning: a rank has 2 cores to itself, not the 4 of"))
      << findings[0].line();
  EXPECT_NE(findings[0].line().find("--cpus-per-task=4"), std::string::npos);
}

/// Four ranks on n1 and n2 with a card each.
std::vector<RankFacts> good_gpu_job() {
  auto facts = good_job();
  for (std::size_t rank = 0; rank < facts.size(); ++rank) {
    facts[rank].card = {.name = "NVIDIA H100", .uuid = "GPU-" + std::to_string(rank)};
  }
  return facts;
}

TEST(PreflightFacts, ACardForEachRank) {
  auto facts = good_gpu_job();
  EXPECT_EQ(lines(facts, 4), Lines{});
  EXPECT_EQ(summary_of(facts), "4 ranks on 2 nodes, 2 threads and NVIDIA H100 each, 5.00 GiB free in /runs/coco");
  facts[3].card->name = "NVIDIA A100";
  EXPECT_EQ(summary_of(facts), "4 ranks on 2 nodes, 2 threads and a GPU each, 5.00 GiB free in /runs/coco");
  facts[3].card.reset();
  EXPECT_EQ(summary_of(facts), "4 ranks on 2 nodes, 2 threads each, 5.00 GiB free in /runs/coco");
}

TEST(PreflightFacts, RanksWithOneCard) {
  auto facts = good_gpu_job();
  facts[3].card->uuid = facts[2].card->uuid;
  const auto found = findings_in(facts, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].code, ExitCode::usage);
  EXPECT_TRUE(found[0].line().starts_with(
      "preflight: n2: Ranks 2 and 3 have the same GPU (NVIDIA H100 GPU-2 on n2; NCCL needs one for each rank) "))
      << found[0].line();
  for (auto& rank : facts) rank.card->shareable = true;
  EXPECT_EQ(lines(facts), Lines{});
}

TEST(PreflightFacts, ArriveAsTheyWereSent) {
  RankFacts facts = good("n\"1\"", true);
  facts.granted_cores = 3;
  facts.problems.push_back({ExitCode::interrupted, "two\nlines, \"quoted\""});
  facts.shared[0].code = ExitCode::bad_input;
  facts.card = {.name = "NVIDIA H100", .uuid = "GPU-1", .shareable = true};
  const RankFacts arrived = facts_from_text(to_text(facts));
  EXPECT_EQ(to_text(arrived), to_text(facts));
  EXPECT_EQ(arrived.node, facts.node);
  EXPECT_EQ(arrived.threads, 2);
  EXPECT_EQ(arrived.share, 2);
  EXPECT_EQ(arrived.granted_cores, 3);
  EXPECT_EQ(arrived.problems.at(0).code, ExitCode::interrupted);
  EXPECT_EQ(arrived.problems.at(0).text, facts.problems[0].text);
  EXPECT_EQ(arrived.shared.at(0).code, ExitCode::bad_input);
  EXPECT_EQ(arrived.shared.at(1).value, "hash 12ab");
  EXPECT_EQ(arrived.shared.at(1).advice, facts.shared[1].advice);
  EXPECT_EQ(arrived.folder.value().path, "/runs/coco");
  EXPECT_EQ(arrived.folder->free_bytes, 5 * gibibyte);
  EXPECT_EQ(arrived.folder->sees_token, true);
  EXPECT_EQ(arrived.card.value().name, "NVIDIA H100");
  EXPECT_EQ(arrived.card->uuid, "GPU-1");
  EXPECT_TRUE(arrived.card->shareable);
  EXPECT_FALSE(facts_from_text(to_text(good("n1", false))).folder);
  EXPECT_FALSE(facts_from_text(to_text(good("n1", false))).card);
  EXPECT_FALSE(facts_from_text(to_text(good("n1", false))).granted_cores);
  // A path is any bytes.
  EXPECT_EQ(facts_from_text(to_text({.node = "n\xff"})).node, "n\xEF\xBF\xBD");
}

}  // namespace preflight_facts_test
}  // namespace datus::preflight_detail
