// SPDX-License-Identifier: Apache-2.0
#include "datus/comm/rank_threads.hpp"

#include "datus/comm/self_communicator.hpp"
#include "support/thread_communicator.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

namespace datus {
namespace rank_threads_test {

ThreadLimits limits_of(const std::map<std::string, std::string>& environment) {
  return thread_limits([&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(ThreadLimitsTest, WithoutVariablesThereAreNone) {
  const ThreadLimits limits = limits_of({});
  EXPECT_FALSE(limits.batch_system);
  EXPECT_FALSE(limits.user);
  EXPECT_EQ(limits.of(7), 7);
}

TEST(ThreadLimitsTest, SlurmCountsInAJobStepOnly) {
  EXPECT_FALSE(limits_of({{"SLURM_CPUS_PER_TASK", "4"}, {"SLURM_JOB_ID", "1"}}).batch_system);
  EXPECT_EQ(limits_of({{"SLURM_CPUS_PER_TASK", "4"}, {"SLURM_STEP_ID", "0"}}).batch_system, 4);
  EXPECT_EQ(limits_of({{"SLURM_CPUS_PER_TASK", "4"}, {"SLURM_STEP_NUM_TASKS", "2"}}).batch_system, 4);
  EXPECT_FALSE(limits_of({{"SLURM_STEP_ID", "0"}}).batch_system);
}

TEST(ThreadLimitsTest, TheUsersVariable) {
  EXPECT_EQ(limits_of({{"OMP_NUM_THREADS", "3"}}).user, 3);
  EXPECT_EQ(limits_of({{"OMP_NUM_THREADS", "4,2"}}).user, 4);
  for (const char* text : {"", "0", "-1", "many", "4x", "99999999999", "4 "}) {
    EXPECT_FALSE(limits_of({{"OMP_NUM_THREADS", text}}).user) << text;
  }
}

TEST(ThreadLimitsTest, AreUpperLimits) {
  const ThreadLimits limits{.batch_system = 4, .user = 6};
  EXPECT_EQ(limits.of(8), 4);
  EXPECT_EQ(limits.of(2), 2);
  EXPECT_EQ((ThreadLimits{.batch_system = 8, .user = 3}).of(16), 3);
}

int cores_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  return CPU_COUNT(&set);
}

UsableCores some_cores(std::uint64_t machine, std::uint64_t mask) {
  return {.machine = machine, .mask = {mask}};
}

// Ranks 0 and 1 share four cores, 2 has three of its own, 3 is alone on another machine, 4 cannot tell.
TEST(FairShareOfRank, IsEachRanksOwn) {
  const std::vector<UsableCores> cores = {
      some_cores(1, 0x0F), some_cores(1, 0x0F), some_cores(1, 0x70), some_cores(2, 0xFF), {}};
  const std::vector<int> expected = {2, 2, 3, 8, 1};
  run_on_threads(5, [&](Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    EXPECT_EQ(fair_share_of_rank(comm, cores_of_all_ranks(comm, cores[rank])), expected[rank]) << rank;
  });
}

class RankThreads : public testing::Test {
 protected:
  // What the surrounding shell limits must not be seen.
  static void SetUpTestSuite() {
    for (const char* name : {"OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"}) ::unsetenv(name);
  }
};

TEST_F(RankThreads, OneRankHasAllCores) {
  SelfCommunicator comm;
  EXPECT_EQ(threads_per_rank(comm), cores_of_this_thread());
}

TEST_F(RankThreads, UnboundRanksShare) {
  const int cores = cores_of_this_thread();
  for (const int ranks : {2, 3, 8}) {
    run_on_threads(ranks,
                   [&](Communicator& comm) { EXPECT_EQ(threads_per_rank(comm), std::max(1, cores / comm.size())); });
  }
}

// Of n cores one rank is bound to the first, the other to the rest.
TEST_F(RankThreads, BoundRanksKeepWhatTheyHave) {
  cpu_set_t all;
  CPU_ZERO(&all);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(all), &all), 0);
  const int cores = CPU_COUNT(&all);
  if (cores < 2) GTEST_SKIP() << "one core cannot be divided";
  std::size_t first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  run_on_threads(2, [&](Communicator& comm) {
    cpu_set_t own;
    CPU_ZERO(&own);
    if (comm.rank() == 0) {
      CPU_SET(first, &own);
    } else {
      own = all;
      CPU_CLR(first, &own);
    }
    ASSERT_EQ(::sched_setaffinity(0, sizeof(own), &own), 0);
    EXPECT_EQ(threads_per_rank(comm), comm.rank() == 0 ? 1 : cores - 1);
    const auto gathered = cores_of_all_ranks(comm, usable_cores().value());
    ASSERT_EQ(gathered.size(), 2U);
    EXPECT_EQ(gathered[0].count(), 1);
    EXPECT_TRUE(gathered[0].has(static_cast<int>(first)));
    EXPECT_EQ(gathered[1].count(), cores - 1);
    EXPECT_EQ(gathered[0].machine, gathered[1].machine);
  });
}

TEST(BindingAdvice, IsGivenBelowHalfOfTheCores) {
  const UsableCores launcher = some_cores(1, 0xFFFF);
  const std::string text = binding_advice(std::vector{some_cores(1, 0x1), some_cores(1, 0x2)}, launcher);
  EXPECT_NE(text.find("only 2 of the 16 cores"), std::string::npos) << text;
  EXPECT_NE(text.find("--bind-to none"), std::string::npos) << text;
  EXPECT_EQ(binding_advice(std::vector{some_cores(1, 0x0F), some_cores(1, 0xF0)}, launcher), "");
  EXPECT_NE(binding_advice(std::vector{some_cores(1, 0x0F), some_cores(1, 0x70)}, launcher), "");
}

TEST(BindingAdvice, CountsTheRanksOfThatMachineOnly) {
  const UsableCores launcher = some_cores(1, 0xFFFF);
  EXPECT_NE(binding_advice(std::vector{some_cores(1, 0x1), some_cores(2, 0xFFFE)}, launcher), "");
  EXPECT_EQ(binding_advice(std::vector{some_cores(1, 0xFFFF), some_cores(2, 0x1)}, launcher), "");
  EXPECT_EQ(binding_advice(std::vector{some_cores(1, 0)}, launcher), "") << "nothing is known of the ranks";
}

}  // namespace rank_threads_test
}  // namespace datus
