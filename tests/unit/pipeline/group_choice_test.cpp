// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/group_choice.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

// Seconds that are expected here were worked out by hand from docs/performance.md.
namespace datus::test {
namespace group_choice_test {

bool always(int /*groups*/) {
  return true;
}

/// One pair of 100 x 10 values and 16,000 rows, on one rank: a pass is 16,000 x 1000 x 16 ps and 1000 x 20 ns.
KMeansOptions small_options() {
  KMeansOptions options;
  options.clusters = {100};
  options.max_iterations = 10;
  options.init = KMeansOptions::Init::random;
  return options;
}

TEST(GroupChoice, SecondsByHand) {
  KMeansOptions options = small_options();
  EXPECT_NEAR(modelled_seconds(group_problem(options, 16000, 10, 1), 1), 10 * (0.256e-3 + 0.02e-3), 1e-12);
  // Two steps, 8 (1 + 2 + 1000 + 200) bytes.
  const double allreduce = 4e-6 + 8 * 1203 * 0.151e-9;
  EXPECT_NEAR(modelled_seconds(group_problem(options, 16000, 10, 2), 1), 10 * (0.128e-3 + 0.02e-3 + allreduce), 1e-12);
  // Two pairs on two ranks apart: 160,000 values are read at the start, and all rows are assigned in the end.
  options.restarts = 2;
  const double in_the_end = 2 * 0.128e-3 + 2 * 0.02e-3 + 4e-6 + 8 * 2405 * 0.151e-9;
  EXPECT_NEAR(modelled_seconds(group_problem(options, 16000, 10, 2), 2),
              10 * (0.256e-3 + 0.02e-3) + 160000 * 5e-9 + in_the_end, 1e-12);
  // Draws of 2 pairs: two sums of 16 bytes and one of their values.
  options.init = KMeansOptions::Init::kmeans_plus_plus;
  const double draw = 3 * 4e-6 + (2 * 16 + 160) * 0.151e-9;
  const double pass = 2 * (0.128e-3 + 0.02e-3) + 4e-6 + 8 * 2405 * 0.151e-9;
  EXPECT_NEAR(modelled_seconds(group_problem(options, 16000, 10, 2), 1), 10 * pass + 100 * draw, 1e-12);
}

TEST(GroupChoice, NothingIsGroupedThatDoesNotPay) {
  KMeansOptions options;
  // One pair, one rank, or a laptop with much to do in each pass.
  options.clusters = {27};
  EXPECT_EQ(choose_groups(group_problem(options, 354000, 384, 64), always).groups, 1);
  options.clusters = {20, 27};
  options.restarts = 4;
  EXPECT_EQ(choose_groups(group_problem(options, 354000, 384, 1), always).groups, 1);
  const GroupChoice choice = choose_groups(group_problem(options, 354000, 384, 2), always);
  EXPECT_EQ(choice.groups, 1);
  EXPECT_TRUE(choice.why.starts_with("all ranks work on all 8 pairs of K and restart: ")) << choice.why;
  // Four groups would save 4 %.
  options.clusters = {27};
  options.restarts = 8;
  const GroupProblem little = group_problem(options, 354000, 384, 64);
  EXPECT_LT(modelled_seconds(little, 4), modelled_seconds(little, 1));
  EXPECT_EQ(choose_groups(little, always).groups, 1);
  // Uneven: one of two groups would have two of three pairs.
  options.clusters = {27};
  options.restarts = 3;
  EXPECT_GT(modelled_seconds(group_problem(options, 20000, 384, 2), 2),
            1.3 * modelled_seconds(group_problem(options, 20000, 384, 2), 1));
}

/// 354,000 x 768, K = 27, 31, ..., 67.
GroupProblem many_ranks() {
  KMeansOptions options;
  options.clusters.clear();
  for (int k = 27; k <= 67; k += 4) options.clusters.push_back(k);
  return group_problem(options, 354000, 768, 256);
}

TEST(GroupChoice, FewRowsPerRankAreGroupedWhereTheyFit) {
  const GroupProblem problem = many_ranks();
  const GroupChoice choice = choose_groups(problem, always);
  EXPECT_GT(choice.groups, 1);
  for (int groups = 1; groups <= 11; ++groups) {
    EXPECT_LE(modelled_seconds(problem, choice.groups), modelled_seconds(problem, groups)) << groups;
  }
  EXPECT_TRUE(choice.why.starts_with(std::to_string(choice.groups) + " groups of ranks share 11 pairs")) << choice.why;
  EXPECT_LT(choose_groups(problem, [&](int groups) { return groups < choice.groups; }).groups, choice.groups);
  const GroupChoice none = choose_groups(problem, [](int) { return false; });
  EXPECT_EQ(none.groups, 1);
  EXPECT_NE(none.why.find("do not fit into memory"), std::string::npos) << none.why;
  EXPECT_EQ(choice.why.find("memory"), std::string::npos) << choice.why;
}

TEST(GroupChoice, GpusPayForTheStartOfNccl) {
  GroupProblem problem = many_ranks();
  problem.ranks_per_node = 8;
  problem.on_gpus = true;
  // 0.2 s could be saved, and a start of NCCL takes 1 s.
  problem.passes = 2000;
  EXPECT_EQ(choose_groups(problem, always).groups, 1);
  problem.passes = 1e5;
  EXPECT_GT(choose_groups(problem, always).groups, 1);
}

TEST(GroupChoice, AskedForItIsNoMoreThanRanksAndPairsThatAreOpen) {
  GroupProblem problem = many_ranks();
  EXPECT_EQ(asked_groups(problem, 4).groups, 4);
  EXPECT_EQ(asked_groups(problem, 4).why.find("more would"), std::string::npos);
  EXPECT_EQ(asked_groups(problem, 400).groups, 11);
  EXPECT_NE(asked_groups(problem, 400).why.find("more would be without ranks or pairs"), std::string::npos);
  problem.clusters[3] = 0;
  EXPECT_EQ(asked_groups(problem, 400).groups, 10);
  problem.ranks = 3;
  EXPECT_EQ(asked_groups(problem, 400).groups, 3);
  problem.clusters.assign(5, 0);
  EXPECT_EQ(asked_groups(problem, 400).groups, 1);
}

}  // namespace group_choice_test
}  // namespace datus::test
