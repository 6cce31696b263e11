// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/cost_model.hpp"

#include "cost_samples.hpp"
#include "datus/core/error.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/cluster/group_choice.hpp"

#include <string>

#include <gtest/gtest.h>

// The numbers that are expected here were worked out by hand from docs/planning.md.
namespace datus::test {
namespace {

Config config_of(std::vector<int> clusters = {27}, int batch = 16) {
  Config config;
  config.model.batch_size = batch;
  config.cluster.k = std::move(clusters);
  config.cluster.restarts = 1;
  config.cluster.max_iterations = 10;
  return config;
}

const StageCost& stage_of(const RunCost& cost, const std::string& name) {
  for (const auto& stage : cost.stages) {
    if (stage.name == name) return stage;
  }
  throw InputError("no stage " + name, "", "");
}

TEST(Rounds, OfTheBusiestRanksShards) {
  // Four threads, batches of 16: 4 rounds each; a shard of 64 has four batches.
  EXPECT_EQ(rounds_of_shards(1, 64, 64, 16, 1, 4), 16);
  // Batches of 10 on four threads: 3 rounds for ten, six of them, and one for the last 4.
  EXPECT_EQ(rounds_of_shards(1, 64, 64, 10, 1, 4), 19);
  // Five shards on two ranks: one has three. 6 threads take a batch of 16 in 3 rounds.
  EXPECT_EQ(rounds_of_shards(5, 320, 64, 16, 2, 6), 3 * 4 * 3);
  // Fewer images than a shard, more ranks than shards.
  EXPECT_EQ(rounds_of_shards(1, 41, 64, 16, 8, 2), 8 + 8 + 5);
  // More threads than a batch has images: the others wait.
  EXPECT_EQ(rounds_of_shards(1, 64, 64, 16, 1, 32), 4);
  EXPECT_EQ(rounds_of_shards(0, 640, 64, 16, 8, 2), 0);
  EXPECT_EQ(rounds_of_images(100, 3, 4), 9);
  EXPECT_EQ(rounds_of_images(0, 3, 4), 0);
}

TEST(CostOfRun, ScalesStagesOfShards) {
  // 640 images, two ranks: five shards each, of 64 images; 32 rounds a shard on two threads.
  const RunCost cost = cost_of(new_run(640), config_of(), simple_calibration(), machines(1, 2, 2));
  EXPECT_NEAR(stage_of(cost, "extract").seconds, 5 * 32 * 1.1, tiny);
  EXPECT_NEAR(stage_of(cost, "segment").seconds, 5 * 32 * 0.2, tiny);
  EXPECT_NEAR(stage_of(cost, "describe").seconds, 5 * 32 * 0.4, tiny);
  EXPECT_EQ(stage_of(cost, "extract").work, "640 images in 10 shards, at most 5 per rank");
  EXPECT_NEAR(cost.total.seconds, 160 * 1.7, tiny);
  EXPECT_NEAR(cost.decode_seconds, 160 * 0.1, tiny);
}

TEST(CostOfRun, CountsWhatIsLeft) {
  RunPlan work = new_run(640);
  work.todo.shards.assign(10, {});
  work.todo.shards[3] = {Stage::describe};
  Calibration calibration = simple_calibration();
  calibration.start_seconds = 3;
  RunCost cost = cost_of(work, config_of(), calibration, machines(1, 4, 2));
  EXPECT_EQ(stage_of(cost, "extract").work, "nothing to do");
  EXPECT_EQ(stage_of(cost, "describe").work, "64 images in 1 shard, at most 1 per rank");
  EXPECT_NEAR(stage_of(cost, "describe").seconds, 32 * 0.4, tiny);
  EXPECT_NEAR(stage_of(cost, "start").seconds, 3, tiny);
  work.todo.shards.assign(10, {});
  cost = cost_of(work, config_of(), calibration, machines(1, 4, 2));
  EXPECT_NEAR(cost.total.seconds, 3, tiny);
}

TEST(CostOfRun, OtherNumbersOfSegmentsAreDescribed) {
  const RunCost cost = cost_of_run(new_run(64), 3 * 64 * 5, config_of(), simple_calibration(), machines(1, 1, 2));
  EXPECT_NEAR(stage_of(cost, "describe").seconds, 32 * 0.4 * 3, tiny);
}

TEST(CostOfRun, AnAssumedRateLeavesTheCores) {
  Allocation allocation = machines(1, 1, 2);
  allocation.forward_rate = 10;
  // A pass took 1 s of a thread: describe is worth 0.4 passes of an image. 64 images at 10 per second; decoding, 32
  // rounds of 0.1 s, goes on meanwhile.
  RunCost cost = cost_of(new_run(64), config_of(), simple_calibration(), allocation);
  EXPECT_NEAR(stage_of(cost, "extract").seconds, 6.4, tiny);
  EXPECT_NEAR(stage_of(cost, "describe").seconds, 0.4 * 6.4, tiny);
  EXPECT_NEAR(stage_of(cost, "segment").seconds, 32 * 0.2, tiny);
  // So fast that decoding decides: extract and describe take as long together.
  allocation.forward_rate = 1000;
  cost = cost_of(new_run(64), config_of(), simple_calibration(), allocation);
  EXPECT_NEAR(stage_of(cost, "extract").seconds + stage_of(cost, "describe").seconds, 3.2, tiny);
}

TEST(CostOfRun, KMeansByHand) {
  Calibration calibration = simple_calibration();
  calibration.kmeans_iteration_thread_seconds = 1e-6;
  calibration.kmeans_rest_thread_seconds = 3e-6;
  calibration.cluster_seconds = 0.25;
  Config config = config_of({27, 33});
  config.cluster.restarts = 3;
  // 1000 segments on two threads. 27 takes two groups of 16, 33 three: 3 (32 + 48) = 240 µs for a row.
  const RunCost cost = cost_of(new_run(200, 64, {27, 33}), config, calibration, machines(1, 1, 2));
  EXPECT_NEAR(cost.iteration_seconds, 500 * 240e-6, tiny);
  EXPECT_EQ(cost.iterations, 10);
  EXPECT_NEAR(stage_of(cost, "cluster").seconds, 0.25 + 11 * 0.12 + 500 * 720e-6, tiny);
  EXPECT_EQ(stage_of(cost, "cluster").work, "1000 segments, K = 27, 33, 3 restarts");
  config.cluster.algorithm = ClusterConfig::Algorithm::mini_batch;
  config.cluster.epochs = 5;
  EXPECT_EQ(cost_of(new_run(200, 64, {27, 33}), config, calibration, machines(1, 1, 2)).iterations, 5);
}

TEST(CostOfRun, FineClustersAreWhatIsFitted) {
  Calibration calibration = simple_calibration();
  calibration.kmeans_iteration_thread_seconds = 1e-6;
  Config config = config_of({27, 33});
  config.cluster.restarts = 3;
  config.cluster.fine = 100;
  // Once for both K: 100 take seven groups of 16. Of 1000 segments 200 would be the most.
  RunCost cost = cost_of(new_run(200, 64, {27, 33}), config, calibration, machines(1, 1, 2));
  EXPECT_NEAR(cost.iteration_seconds, 500 * 3 * 112e-6, tiny);
  EXPECT_EQ(stage_of(cost, "cluster").work, "1000 segments, K = 27, 33 of 100 fine clusters, 3 restarts");
  config.cluster.fine = 300;
  cost = cost_of(new_run(200, 64, {27, 33}), config, calibration, machines(1, 1, 2));
  EXPECT_NEAR(cost.iteration_seconds, 500 * 3 * 208e-6, tiny);
}

TEST(CostOfRun, GroupsOfRanksHoldTheRowsOftener) {
  Config config = config_of({27, 33});
  const RunPlan work = new_run(2000, 64, {27, 33});
  // One rank has nothing to share, four are as well off together.
  RunCost cost = cost_of(work, config, simple_calibration(), machines(1, 1, 2));
  EXPECT_EQ(cost.groups, 1);
  EXPECT_EQ(cost.why_groups, "");
  cost = cost_of(work, config, simple_calibration(), machines(2, 2, 2));
  EXPECT_EQ(cost.groups, 1);
  EXPECT_TRUE(cost.why_groups.starts_with("all ranks work on all 2 pairs of K and restart: ")) << cost.why_groups;
  const double memory = stage_of(cost, "cluster").memory_bytes;
  config.cluster.groups = 2;
  cost = cost_of(work, config, simple_calibration(), machines(2, 2, 2));
  EXPECT_EQ(cost.groups, 2);
  EXPECT_EQ(cost.why_groups, "2 groups of ranks share 2 pairs of K and restart: cluster.groups asks for 2");
  // 10,000 rows of 64 values: a quarter on each rank, and half as one of two of its group.
  EXPECT_NEAR(stage_of(cost, "cluster").memory_bytes - memory, 5000 * 64 * 4, 1);
  // Fine clusters are fitted once for both K.
  config.cluster.fine = 100;
  EXPECT_EQ(cost_of(work, config, simple_calibration(), machines(2, 2, 2)).groups, 1);
}

// Where a row against a centroid takes what the model of groups says, k-means takes what it says, and a pass more.
TEST(CostOfRun, GroupsOfRanksTakeTheTimeOfTheirModel) {
  Calibration calibration = simple_calibration();
  calibration.kmeans_iteration_thread_seconds = 16e-12 * 64;
  const RunPlan work = new_run(2000, 64, {32, 48, 64});
  Config config = config_of({32, 48, 64});
  for (const auto algorithm : {ClusterConfig::Algorithm::lloyd, ClusterConfig::Algorithm::mini_batch}) {
    config.cluster.algorithm = algorithm;
    config.cluster.epochs = 7;
    config.cluster.batch_size = 2500;
    GroupProblem problem = group_problem(kmeans_options(config, {32, 48, 64}, 2), 10'000, 64, 4);
    problem.passes = algorithm == ClusterConfig::Algorithm::lloyd ? 10 : 7 * 4;
    std::vector<double> seconds;
    for (const int groups : {1, 2, 3}) {
      config.cluster.groups = groups;
      const RunCost cost = cost_of(work, config, calibration, machines(2, 2, 2));
      EXPECT_EQ(cost.groups, groups);
      const double modelled = modelled_seconds(problem, groups);
      EXPECT_NEAR(stage_of(cost, "cluster").seconds, modelled + cost.iteration_seconds, 1e-12) << groups;
      seconds.push_back(cost.iteration_seconds);
    }
    // So few rows that sums count: groups have shorter ones.
    EXPECT_LT(seconds[1], seconds[0]);
    EXPECT_NE(seconds[1], seconds[2]);
  }
}

TEST(CostOfRun, MasksEvaluateAndReport) {
  Calibration calibration = simple_calibration();
  calibration.mask_thread_seconds_per_image = 0.01;
  calibration.evaluate_thread_seconds_per_image = 0.02;
  calibration.report_thread_seconds_per_picture = 0.03;
  RunPlan work = new_run(640, 64, {6, 10});
  RunCost cost = cost_of(work, config_of({6, 10}), calibration, machines(1, 2, 2));
  EXPECT_NEAR(stage_of(cost, "mask").seconds, 2 * 5 * 32 * 0.01, tiny);
  EXPECT_EQ(stage_of(cost, "mask").work, "1280 masks");
  EXPECT_EQ(stage_of(cost, "evaluate").seconds, 0);
  EXPECT_EQ(stage_of(cost, "evaluate").work, "no ground truth");
  // 200 images are shown, 50 by each thread: image, segments, and two masks.
  EXPECT_NEAR(stage_of(cost, "report").seconds, 50 * 4 * 0.03, tiny);
  work.has_truth = true;
  cost = cost_of(work, config_of({6, 10}), calibration, machines(1, 2, 2));
  EXPECT_NEAR(stage_of(cost, "evaluate").seconds, 2 * 160 * 0.02, tiny);
  EXPECT_EQ(stage_of(cost, "report").work, "1000 pictures of 200 images");
}

TEST(CostOfRun, Memory) {
  Calibration calibration = simple_calibration();
  calibration.process_memory_bytes = 1e8;
  calibration.shard_memory_bytes = 3e7;
  calibration.image_memory_bytes = 4e6;
  calibration.grid_rows = calibration.grid_cols = 10;
  calibration.embedding_width = 50;
  // As measured, but for shards of 64 images in place of 16, three at a time, with pixels of 3 bytes and 100 patches
  // in float16.
  const double images = 48 * 3.0 * (3 * 224 * 224 + 2 * 100 * 50);
  RunCost cost = cost_of(new_run(640), config_of(), calibration, machines(1, 2, 2));
  EXPECT_NEAR(stage_of(cost, "start").memory_bytes, 1e8, 1);
  EXPECT_NEAR(stage_of(cost, "extract").memory_bytes, 1e8 + 3e7 + images, 1);
  EXPECT_NEAR(stage_of(cost, "mask").memory_bytes, 1e8 + 4e6 + 4 * 3200, 1);
  EXPECT_EQ(cost.total.memory_bytes, stage_of(cost, "extract").memory_bytes);
  // Four times the threads; fewer are not known to take less; a longer list does take more.
  cost = cost_of(new_run(640), config_of(), calibration, machines(1, 2, 8));
  EXPECT_NEAR(stage_of(cost, "extract").memory_bytes, 1e8 + 4 * 3e7 + images, 1);
  cost = cost_of(new_run(640), config_of(), calibration, machines(1, 2, 1));
  EXPECT_NEAR(stage_of(cost, "extract").memory_bytes, 1e8 + 3e7 + images, 1);
  calibration.listed_images = 600;
  cost = cost_of(new_run(640), config_of(), calibration, machines(1, 2, 2));
  EXPECT_NEAR(stage_of(cost, "start").memory_bytes, 1e8 + 40 * 1500, 1);
}

TEST(CostOfRun, MemoryOfShardsThatAreWrittenAtATime) {
  Calibration calibration = simple_calibration();
  calibration.grid_rows = calibration.grid_cols = 10;
  calibration.embedding_width = 50;
  calibration.shard_size = 64;
  calibration.threads_per_rank = 16;
  const auto memory = [&](bool has_gpus) {
    Allocation allocation = machines(1, 2, 16);
    allocation.has_gpus = has_gpus;
    return stage_of(cost_of(new_run(640), config_of(), calibration, allocation), "extract").memory_bytes;
  };
  // Measured without a GPU, where one is written; four with one.
  EXPECT_NEAR(memory(true) - memory(false), 3 * 64 * 2.0 * 100 * 50, 1);
  calibration.has_gpus = true;
  EXPECT_EQ(memory(true), memory(false));
}

TEST(CostOfRun, RefiningTakesMemoryForAllClustersThatTheSampleMayHaveLacked) {
  Calibration calibration = simple_calibration();
  calibration.process_memory_bytes = 1e8;
  Config config = config_of({11, 300});
  config.model.input_size = {448, 448};
  const auto memory = [&](MaskConfig::Refine refine) {
    config.mask.refine = refine;
    return stage_of(cost_of(new_run(640, 64, {11, 300}), config, calibration, machines(1, 1, 2)), "mask").memory_bytes;
  };
  EXPECT_NEAR(memory(MaskConfig::Refine::none), 1e8 + 4 * 3200, 1);
  EXPECT_NEAR(memory(MaskConfig::Refine::guided), 1e8 + 4 * 3200 + 2.0 * 448 * 448 * 40, 1);
  // 19 groups of 16 clusters.
  EXPECT_NEAR(memory(MaskConfig::Refine::crf), 1e8 + 4 * 3200 + 2.0 * 448 * 448 * (19 * 128 + 200), 1);
}

TEST(CostOfRun, RowsStayWithinTheirLimit) {
  Config config = config_of();
  Calibration calibration = simple_calibration();
  calibration.listed_images = 2'000'000;
  const RunPlan work = new_run(2'000'000, 64, {27});
  const auto memory = [&](int nodes) {
    return stage_of(cost_of(work, config, calibration, machines(nodes, 1, 2)), "cluster").memory_bytes;
  };
  const double all = memory(1);
  EXPECT_GT(all, 1e7 * 64 * 4);  // ten million rows of 64 values
  EXPECT_NEAR(memory(4), all / 4, all / 100);
  config.cluster.memory = std::int64_t{1} << 30U;
  // A label of 4 bytes for each row is kept beside it.
  EXPECT_NEAR(memory(1), static_cast<double>(*config.cluster.memory) + 4 * 1e7, 1);
}

TEST(CostOfRun, OfNothing) {
  const RunCost cost = cost_of(RunPlan(), config_of(), simple_calibration(), machines(2, 2, 2));
  EXPECT_EQ(cost.total.seconds, 0);
  EXPECT_EQ(cost.stages.size(), 8U);
}

}  // namespace
}  // namespace datus::test
