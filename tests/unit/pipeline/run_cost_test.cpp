#include "datus/pipeline/run_cost.hpp"

#include "cost_samples.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

// The numbers that are expected here were worked out by hand from the formulas of docs/planning.md.
namespace datus::test {
namespace run_cost_test {

double seconds_of(const RunCost& cost, const std::string& stage) {
  const auto found = std::ranges::find(cost.stages, stage, &StageCost::name);
  EXPECT_NE(found, cost.stages.end()) << stage;
  return found->seconds;
}

const JobCost& job_of(const RunCost& cost, const std::string& name) {
  const auto found = std::ranges::find(cost.chain, name, &JobCost::name);
  EXPECT_NE(found, cost.chain.end()) << name;
  return *found;
}

TEST(RoundsOf, ThreadsTakeWholePiecesOfEachBatch) {
  EXPECT_EQ(rounds_of(0, 4, 2), 0);
  EXPECT_EQ(rounds_of(1, 4, 8), 1);
  EXPECT_EQ(rounds_of(64, 32, 2), 32);
  EXPECT_EQ(rounds_of(10, 4, 2), 5);    // 4, 4, 2 images: 2 + 2 + 1 rounds
  EXPECT_EQ(rounds_of(10, 3, 2), 7);    // 3, 3, 3, 1: 2 + 2 + 2 + 1
  EXPECT_EQ(rounds_of(64, 32, 48), 2);  // threads beyond the batch have nothing to do
  EXPECT_EQ(rounds_of(5, 1'000, 2), 3);
}

TEST(BusiestRank, HasWholeShards) {
  EXPECT_EQ(busiest_rank({3, 164}, 64, 1), (WorkPart{3, 164}));
  EXPECT_EQ(busiest_rank({3, 164}, 64, 2), (WorkPart{2, 128}));
  EXPECT_EQ(busiest_rank({3, 164}, 64, 3), (WorkPart{1, 64}));
  EXPECT_EQ(busiest_rank({3, 164}, 64, 100), (WorkPart{1, 64}));
  EXPECT_EQ(busiest_rank({1927, 123'287}, 64, 64), (WorkPart{31, 1984}));
  EXPECT_EQ(busiest_rank({0, 0}, 64, 4), (WorkPart{0, 0}));
}

TEST(RunCost, OfOneRankIsTheSumOfItsStages) {
  const RunCost cost = cost_of_run(new_run(128), Config(), simple_calibration(), machines(1, 1, 2));
  // 128 images, two at a time: 64 rounds of 0.1 + 1, of 0.2, of 0.4 seconds.
  EXPECT_NEAR(seconds_of(cost, "extract"), 70.4, tiny);
  EXPECT_NEAR(seconds_of(cost, "segment"), 12.8, tiny);
  EXPECT_NEAR(seconds_of(cost, "describe"), 25.6, tiny);
  EXPECT_NEAR(cost.seconds, 108.8, tiny);
}

TEST(RunCost, TheBusiestRankCounts) {
  // Of three shards one rank of two gets two, 128 of 164 images.
  const RunCost cost = cost_of_run(new_run(164), Config(), simple_calibration(), machines(1, 2, 2));
  EXPECT_NEAR(cost.seconds, 108.8, tiny);
  // Three nodes of one rank: one shard each.
  EXPECT_NEAR(cost_of_run(new_run(164), Config(), simple_calibration(), machines(3, 1, 2)).seconds, 54.4, tiny);
}

TEST(RunCost, ThreadsBeyondTheImagesOfAShardDoNotHelp) {
  // Shards of two images on 16 threads: one round each.
  const RunCost cost = cost_of_run(new_run(8, 2), Config(), simple_calibration(), machines(1, 1, 16));
  EXPECT_NEAR(cost.seconds, 4 * 1.7, tiny);
}

TEST(RunCost, DescribeBySegments) {
  Calibration calibration = simple_calibration();
  calibration.values.describe_thread_seconds_per_image = 0;
  calibration.values.describe_thread_seconds_per_segment = 0.5;
  Config config;
  config.model.batch_size = 32;
  // 64 images have 320 segments, 32 at a time: 10 x 16 rounds for two threads.
  EXPECT_NEAR(seconds_of(cost_of_run(new_run(64), config, calibration, machines(1, 1, 2)), "describe"), 80, tiny);
  // The number of segments is asked for: ten per image.
  RunWork work = new_run(64);
  work.segments = 640;
  EXPECT_NEAR(seconds_of(cost_of_run(work, config, calibration, machines(1, 1, 2)), "describe"), 160, tiny);
}

TEST(RunCost, AGivenRateReplacesTheForwardPasses) {
  Calibration calibration = simple_calibration();
  Allocation allocation = machines(1, 1, 2);
  allocation.forward_rate = 4;
  // 64 images: the model 16 s, and for describe 0.4 of that; meanwhile decoding 3.2 s on the cores. Segment 6.4 s.
  EXPECT_NEAR(cost_of_run(new_run(64), Config(), calibration, allocation).seconds, 22.4 + 6.4, tiny);
  // So fast that decoding decides.
  allocation.forward_rate = 1e6;
  EXPECT_NEAR(cost_of_run(new_run(64), Config(), calibration, allocation).seconds, 3.2 + 6.4, 1e-3);
  // Crops are cut on the cores, whatever the rate: 0.1 of the 0.5 seconds.
  calibration.values.describe_thread_seconds_per_image = 0;
  calibration.values.describe_thread_seconds_per_segment = 0.5;
  calibration.values.crop_thread_seconds_per_segment = 0.1;
  allocation.forward_rate = 4;
  const RunCost cost = cost_of_run(new_run(64), Config(), calibration, allocation);
  EXPECT_NEAR(seconds_of(cost, "describe"), 320 * 0.1 / 2 + 320 * 0.4 / 4, tiny);
}

TEST(RunCost, WritingCountsWhereTheDiskIsSlower) {
  Calibration calibration = simple_calibration();
  calibration.values.write_bytes_per_second = 100e6;
  RunWork work = new_run(128);
  work.write.keys = 1'000'000'000;  // 10 s, behind 108.8 s of computing: only the last shard's half is waited for
  const RunCost fast = cost_of_run(work, Config(), calibration, machines(1, 1, 2));
  EXPECT_NEAR(fast.seconds, 108.8 + 5, tiny);
  EXPECT_NEAR(fast.write_bytes_per_second, 1e9 / 113.8, 1);
  work.write.keys = 40'000'000'000;
  const RunCost slow = cost_of_run(work, Config(), calibration, machines(1, 1, 2));
  EXPECT_NEAR(slow.seconds, 400 + 200, tiny);
  EXPECT_GT(slow.shard_write_seconds, slow.shard_compute_seconds);
  // Four ranks on the node share what one had; two nodes have twice as much.
  EXPECT_NEAR(cost_of_run(work, Config(), calibration, machines(1, 2, 2)).seconds, 800, tiny);
  EXPECT_NEAR(cost_of_run(work, Config(), calibration, machines(2, 1, 2)).seconds, 400, tiny);
}

TEST(RunCost, EachFileTakesItsTime) {
  Calibration calibration = simple_calibration();
  calibration.values.file_write_seconds = 1;
  RunWork work = new_run(128);
  // Three files for each of two shards: 6 s behind 108.8 s, the last three after it; twelve other files at the start.
  EXPECT_NEAR(cost_of_run(work, Config(), calibration, machines(1, 1, 2)).seconds, 108.8 + 3 + 12, tiny);
}

TEST(RunCost, WithoutStoredKeysNothingIsWrittenOfThem) {
  Calibration calibration = simple_calibration();
  calibration.values.file_write_seconds = 1;
  Config config;
  config.storage.embeddings = StorageConfig::Embeddings::none;
  const RunCost cost = cost_of_run(new_run(128), config, calibration, machines(1, 1, 2));
  EXPECT_NEAR(cost.seconds, 108.8 + 2 + 12, tiny);
  EXPECT_TRUE(cost.chain.empty());
}

TEST(RunCost, OfAPartlyDoneRunIsWhatIsLeft) {
  RunWork work = new_run(128);
  work.extract = {};
  work.segment = work.describe = work.decode = work.pending = {1, 64};
  const RunCost cost = cost_of_run(work, Config(), simple_calibration(), machines(1, 1, 2));
  EXPECT_NEAR(cost.seconds, 32 * (0.1 + 0.2 + 0.4), tiny);
  work.segment = work.describe = work.decode = work.pending = {};
  EXPECT_NEAR(cost_of_run(work, Config(), simple_calibration(), machines(1, 1, 2)).seconds, 0, tiny);
}

TEST(RunCost, OfMasksEvaluationAndReport) {
  Calibration calibration = simple_calibration();
  calibration.values.mask_thread_seconds_per_image = 0.01;
  calibration.values.mask_and_preview_thread_seconds_per_image = 0.03;
  calibration.values.evaluate_thread_seconds_per_megapixel = 0.02;
  calibration.values.report_thread_seconds_per_picture = 0.1;
  Config config;
  config.cluster.k = {27, 300};
  RunWork work = new_run(128, 64, {27, 300});
  work.has_truth = true;
  const RunCost cost = cost_of_run(work, config, calibration, machines(1, 1, 2));
  EXPECT_NEAR(seconds_of(cost, "mask"), 64 * 0.01 + 64 * 0.03, tiny);
  EXPECT_NEAR(seconds_of(cost, "evaluate"), 2 * 64 * 0.02, tiny);
  // 24 images with image, segments, truth and two for each K: 7 pictures, two images at a time.
  EXPECT_NEAR(seconds_of(cost, "report"), 12 * 7 * 0.1, tiny);
  work.has_truth = false;
  EXPECT_EQ(seconds_of(cost_of_run(work, config, calibration, machines(1, 1, 2)), "evaluate"), 0);
}

TEST(RunCost, TheChainReadsAndDecodesAgain) {
  Calibration calibration = simple_calibration();
  calibration.values.process_start_seconds = 10;
  calibration.values.weights_load_seconds = 3;
  calibration.values.weights_hash_seconds = 1;
  const RunCost cost = cost_of_run(new_run(128), Config(), calibration, machines(1, 1, 2));
  ASSERT_EQ(cost.chain.size(), 5U);
  EXPECT_NEAR(job_of(cost, "extract").seconds, 14 + 64 * 1.1, tiny);
  EXPECT_NEAR(job_of(cost, "segment").seconds, 11 + 64 * 0.2, tiny);
  EXPECT_NEAR(job_of(cost, "describe").seconds, 14 + 64 * 0.5, tiny);
  for (const auto& job : cost.chain) EXPECT_EQ(job.uses_model, job.name == "extract" || job.name == "describe");
}

// More ranks never take longer, but for the stated overheads: allreduce and what each rank does for itself.
TEST(RunCost, MoreRanksAreNeverSlower) {
  Calibration calibration = simple_calibration();
  calibration.values.allreduce_step_seconds = 1e-30;
  calibration.values.kmeans_thread_seconds_per_row = 1e-5;
  calibration.values.mask_thread_seconds_per_image = 0.01;
  calibration.values.file_write_seconds = 0.01;
  const RunWork work = new_run(5000, 32, {27});
  double previous = 1e30;
  std::int64_t memory = std::int64_t{1} << 60;
  for (int nodes = 1; nodes <= 200; ++nodes) {
    const RunCost cost = cost_of_run(work, Config(), calibration, machines(nodes, 1, 4));
    EXPECT_LE(cost.seconds, previous * (1 + 1e-12)) << nodes;
    EXPECT_LE(cost.memory_bytes, memory) << nodes;
    previous = cost.seconds;
    memory = cost.memory_bytes;
  }
}

TEST(RunCost, MoreImagesAreNeverFaster) {
  Calibration calibration = simple_calibration();
  calibration.values.kmeans_thread_seconds_per_row = 1e-5;
  calibration.values.mask_thread_seconds_per_image = 0.01;
  double previous = 0;
  for (std::int64_t images = 1; images < 3000; images += 7) {
    const double seconds = cost_of_run(new_run(images, 32, {27}), Config(), calibration, machines(2, 3, 4)).seconds;
    EXPECT_GE(seconds, previous) << images;
    previous = seconds;
  }
}

TEST(RunMemory, OfShardsGrowsWithTheirImages) {
  Calibration calibration = simple_calibration();
  calibration.values.process_memory_bytes = 1e6;
  calibration.values.model_memory_bytes = 2e6;
  calibration.values.forward_memory_bytes_per_thread = 1e5;
  Config config;
  config.descriptor.kind = DescriptorConfig::Kind::mean_key;
  config.model.input_size = {224, 224};
  config.model.batch_size = 8;
  RunWork work = new_run(1000, 16);
  // 16 images: input 150,528 bytes and keys 196 x 64 x 4 = 50,176, each twice; 4 x 2 originals of 3 MB; extract: inputs
  // once more, and a batch of 8 in f32 with its keys. A tenth more for the allocator.
  const double shard = 16 * 2 * (150'528 + 50'176) + 8 * 3e6;
  const double extract = 16 * 150'528 + 8 * (4 * 150'528 + 50'176);
  EXPECT_NEAR(static_cast<double>(memory_of_shards(work, config, calibration, machines(1, 1, 2))),
              1.1 * (3e6 + 2e5 + shard + extract), 1);
}

TEST(RunMemory, OfTheListOfMoreImages) {
  Calibration calibration = simple_calibration();
  calibration.listed_images = 100;
  calibration.values.process_memory_bytes = 1e8;
  EXPECT_EQ(memory_of_process(new_run(100), calibration), 100'000'000);
  EXPECT_EQ(memory_of_process(new_run(50), calibration), 100'000'000);
  EXPECT_GT(memory_of_process(new_run(100'000), calibration), 200'000'000);
}

}  // namespace run_cost_test
}  // namespace datus::test
