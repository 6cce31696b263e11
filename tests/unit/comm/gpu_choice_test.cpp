// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/gpu_choice.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/core/error.hpp"
#include "support/thread_communicator.hpp"

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace gpu_choice_test {

GpuSurvey survey_of(int count) {
  GpuSurvey survey;
  for (int i = 0; i < count; ++i) {
    survey.gpus.push_back({.index = i, .name = "Some GPU", .uuid = "GPU-" + std::to_string(i)});
  }
  if (count == 0) {
    survey.problem = "no NVIDIA driver on this machine";
    survey.advice = "Start it elsewhere.";
  }
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

/// What `granted_gpus` says with these variables and no others of Slurm's.
std::string granted_with(const std::vector<std::pair<std::string, std::string>>& variables) {
  const std::vector<std::string> all{"SLURM_JOB_ID",        "SLURM_STEP_GPUS",     "SLURM_GPUS",
                                     "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK", "SLURM_GPUS_PER_SOCKET",
                                     "SLURM_JOB_GPUS",      "SLURM_GPUS_ON_NODE",  "CUDA_VISIBLE_DEVICES"};
  for (const std::string& name : all) ::unsetenv(name.c_str());
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  const std::string granted = granted_gpus();
  for (const std::string& name : all) ::unsetenv(name.c_str());
  return granted;
}

TEST(GrantedGpus, AreThoseThatTheJobAskedFor) {
  const std::pair<std::string, std::string> job{"SLURM_JOB_ID", "7"};
  EXPECT_EQ(granted_with({job}), "");
  // As Slurm 22.05 sets them in a step: with --gres or any --gpus option, …
  EXPECT_EQ(granted_with({job, {"SLURM_STEP_GPUS", "0"}, {"SLURM_JOB_GPUS", "0"}, {"CUDA_VISIBLE_DEVICES", "0"}}),
            "SLURM_STEP_GPUS=0");
  EXPECT_EQ(granted_with({job, {"SLURM_GPUS_PER_NODE", "a100:8"}}), "SLURM_GPUS_PER_NODE=a100:8");
  EXPECT_EQ(granted_with({job, {"SLURM_GPUS", "8"}}), "SLURM_GPUS=8");
  EXPECT_EQ(granted_with({job, {"SLURM_GPUS_PER_TASK", "1"}}), "SLURM_GPUS_PER_TASK=1");
  EXPECT_EQ(granted_with({job, {"SLURM_GPUS_PER_NODE", "0"}}), "");
  // … in the step of a job with --exclusive, which has the GPUs of its nodes without having asked, …
  EXPECT_EQ(granted_with({job, {"SLURM_JOB_GPUS", "0,1,2,3"}}), "");
  // … and in a batch script with --gres, where datus runs without srun.
  EXPECT_EQ(granted_with({job, {"SLURM_JOB_GPUS", "2,3"}, {"CUDA_VISIBLE_DEVICES", "2,3"}}), "SLURM_JOB_GPUS=2,3");
  // Without a job they are left over from somewhere else.
  EXPECT_EQ(granted_with({{"SLURM_GPUS", "8"}}), "");
}

TEST(GrantedGpus, AreNotLeftIdle) {
  const GpuChoice none{.gpu = {}, .shared = false, .problem = "this build has no CUDA", .advice = "Start another."};
  EXPECT_NO_THROW(refuse_idle_gpus(none, "", "model.device: cpu"));
  EXPECT_NO_THROW(refuse_idle_gpus({.gpu = survey_of(1).gpus[0], .shared = false, .problem = {}}, "SLURM_GPUS=1", "x"));
  try {
    refuse_idle_gpus(none, "SLURM_GPUS=8", "model.device: cpu");
    FAIL() << "GPUs stand idle";
  } catch (const UsageError& error) {
    const std::string text = error.what();
    for (const char* part :
         {"SLURM_GPUS=8", "this build has no CUDA", "Start another. Or ask for no GPUs", "set model.device: cpu"}) {
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
                         "machine) Start it elsewhere. Or choose the device cpu."))
        << text;
  }
}

TEST(RankCards, AreGatheredByRank) {
  const std::vector<RankCard> expected = {
      {"n1", "Some GPU", "GPU-0", "boot 0000:17:00.0"}, {"n1", "", "", ""}, {"n2", "Other: GPU\n", "GPU-2", ""}};
  run_on_threads(3, [&](Communicator& comm) {
    EXPECT_EQ(cards_of_all_ranks(comm, expected[static_cast<std::size_t>(comm.rank())]), expected);
  });
}

TEST(RankCards, OneForEachRankIsNoProblem) {
  EXPECT_FALSE(card_sharing_problem({}));
  EXPECT_FALSE(card_sharing_problem(std::vector<RankCard>{{"n1", "A", "GPU-1", "b 17"}, {"n1", "A", "GPU-2", "b 18"}}));
  // Ranks without a card share nothing.
  EXPECT_FALSE(card_sharing_problem(std::vector<RankCard>{{"n1", "", "", ""}, {"n1", "", "", ""}}));
}

TEST(RankCards, TheFirstOnesThatShareACardAreNamed) {
  const RankCard first{"n1", "Some GPU", "GPU-z", ""};
  const RankCard second{"n2", "Some GPU", "GPU-a", ""};
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

TEST(RankCards, InstancesOfOneCardAreToldFromWholeOnes) {
  const std::vector<RankCard> cards{{"n1", "Some GPU", "GPU-a", "boot 17"},
                                    {"n2", "Some GPU", "GPU-b", "other boot 17"},
                                    {"n1", "Some GPU", "GPU-c", "boot 17"}};
  const auto sharing = card_sharing_problem(cards);
  ASSERT_TRUE(sharing);
  EXPECT_TRUE(sharing->by_instances);
  EXPECT_EQ(sharing->ranks, (std::vector<std::size_t>{0, 2}));
  EXPECT_TRUE(
      sharing->text.starts_with("Ranks 0 and 2 have instances (MIG) of one GPU (Some GPU on n1; NCCL takes whole GPUs"))
      << sharing->text;
  // Who shares memory too comes first.
  auto more = cards;
  more.push_back(cards[1]);
  EXPECT_FALSE(card_sharing_problem(more).value().by_instances);
}

}  // namespace gpu_choice_test
}  // namespace datus
