// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/gpu_choice.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "support/thread_communicator.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace gpu_choice_test {

GpuSurvey survey_of(int count) {
  GpuSurvey survey;
  for (int i = 0; i < count; ++i) {
    survey.gpus.push_back({.index = i, .name = "Some GPU", .uuid = "GPU-" + std::to_string(i)});
  }
  if (count == 0) survey.problem = "no NVIDIA driver on this machine";
  return survey;
}

/// What each of `ranks` ranks of one node chooses among `gpus`, by rank.
std::vector<GpuChoice> choices(int ranks, int gpus, bool may_share) {
  std::vector<GpuChoice> result(static_cast<std::size_t>(ranks));
  run_on_threads(ranks, [&](Communicator& comm) {
    result[static_cast<std::size_t>(comm.rank())] = choose_gpu(comm, survey_of(gpus), may_share);
  });
  return result;
}

std::vector<int> indices(const std::vector<GpuChoice>& chosen) {
  std::vector<int> result;
  for (const GpuChoice& choice : chosen) result.push_back(choice.gpu ? choice.gpu->index : -1);
  return result;
}

TEST(GpuChoice, EachRankTakesTheOneOfItsLocalRank) {
  for (const bool may_share : {false, true}) {
    EXPECT_EQ(indices(choices(4, 4, may_share)), (std::vector{0, 1, 2, 3}));
    EXPECT_EQ(indices(choices(2, 8, may_share)), (std::vector{0, 1}));
    for (const GpuChoice& choice : choices(4, 4, may_share)) EXPECT_FALSE(choice.shared);
  }
}

TEST(GpuChoice, TheOnlyOneThatIsVisibleIsTaken) {
  for (const bool may_share : {false, true}) {
    const auto chosen = choices(3, 1, may_share);
    EXPECT_EQ(indices(chosen), (std::vector{0, 0, 0}));
    for (const GpuChoice& choice : chosen) EXPECT_FALSE(choice.shared);
  }
}

TEST(GpuChoice, FewerThanRanksAreSharedWhereThatIsAllowed) {
  const auto chosen = choices(5, 2, true);
  EXPECT_EQ(indices(chosen), (std::vector{0, 1, 0, 1, 0}));
  for (const GpuChoice& choice : chosen) EXPECT_TRUE(choice.shared);
}

TEST(GpuChoice, FewerThanRanksAreRefusedOtherwise) {
  try {
    (void)choices(4, 2, false);
    FAIL() << "two GPUs were enough for four ranks";
  } catch (const UsageError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("4 ranks on this node and 2 GPUs (NCCL needs a GPU for each rank) ")) << text;
    for (const char* part : {"--ntasks-per-node=2", "--gpus-per-node", "cluster.comm: mpi"}) {
      EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  }
}

TEST(GpuChoice, WhyThereIsNoneIsHandedOn) {
  for (const GpuChoice& choice : choices(2, 0, false)) {
    EXPECT_FALSE(choice.gpu);
    EXPECT_EQ(choice.problem, "no NVIDIA driver on this machine");
  }
}

TEST(GpuChoice, ARequiredOneThatIsMissingIsAnError) {
  SelfCommunicator comm;
  EXPECT_EQ(required_gpu(choose_gpu(comm, survey_of(2), false), "model.device: cuda").uuid, "GPU-0");
  try {
    (void)required_gpu(choose_gpu(comm, survey_of(0), false), "model.device: cuda");
    FAIL() << "there was one";
  } catch (const UsageError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(
        text.starts_with("No GPU can be used, and model.device: cuda asks for one (no NVIDIA driver on this "
                         "machine) "))
        << text;
  }
}

TEST(RankCards, AreGatheredByRank) {
  const std::vector<RankCard> expected = {{"n1", "Some GPU", "GPU-0"}, {"n1", "", ""}, {"n2", "Other: GPU\n", "GPU-2"}};
  run_on_threads(3, [&](Communicator& comm) {
    EXPECT_EQ(cards_of_all_ranks(comm, expected[static_cast<std::size_t>(comm.rank())]), expected);
  });
}

TEST(RankCards, OneForEachRankIsNoProblem) {
  EXPECT_FALSE(card_sharing_problem({}));
  EXPECT_FALSE(card_sharing_problem(std::vector<RankCard>{{"n1", "A", "GPU-1"}, {"n1", "A", "GPU-2"}}));
  // Ranks without a card share nothing.
  EXPECT_FALSE(card_sharing_problem(std::vector<RankCard>{{"n1", "", ""}, {"n1", "", ""}}));
}

TEST(RankCards, TheFirstOnesThatShareACardAreNamed) {
  const RankCard first{"n1", "Some GPU", "GPU-z"};
  const RankCard second{"n2", "Some GPU", "GPU-a"};
  const auto sharing = card_sharing_problem(std::vector{first, second, first, second, first});
  ASSERT_TRUE(sharing);
  EXPECT_EQ(sharing->ranks, (std::vector<std::size_t>{0, 2, 4}));
  const std::string& text = sharing->text;
  EXPECT_TRUE(
      text.starts_with("Ranks 0, 2 and 4 have the same GPU (Some GPU GPU-z on n1; NCCL needs one for each rank) "
                       "Start as many ranks on a node as the job has GPUs there"))
      << text;
  const std::string many = card_sharing_problem(std::vector<RankCard>(20, first)).value().text;
  EXPECT_TRUE(many.starts_with("Ranks 0, 1, 2, 3, 4, 5, 6, 7 and others have the same GPU (")) << many;
}

}  // namespace gpu_choice_test
}  // namespace datus
