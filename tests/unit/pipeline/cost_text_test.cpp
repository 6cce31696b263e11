// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/cost_text.hpp"

#include "cost_samples.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace datus::test {
namespace plan_cost_test {

TEST(CostText, TimeLimitHasAMarginAndIsRoundedUp) {
  EXPECT_EQ(time_limit(0), "00:05:00");
  EXPECT_EQ(time_limit(1), "00:10:00");
  EXPECT_EQ(time_limit(600), "00:20:00");
  EXPECT_EQ(time_limit(4600), "02:00:00");  // 7200 exactly
  EXPECT_EQ(time_limit(4601), "02:15:00");
  EXPECT_EQ(time_limit(57'400), "1-00:00:00");  // 86,400
  EXPECT_EQ(time_limit(200'000), "3-11:30:00");
}

TEST(CostText, MemoryLimitIsOfANode) {
  EXPECT_EQ(memory_limit(1, 1), "1G");
  EXPECT_EQ(memory_limit(std::int64_t{1} << 30U, 8), "10G");
  EXPECT_EQ(memory_limit((std::int64_t{1} << 30U) + 1, 8), "11G");
}

class Words : public testing::Test {
 protected:
  [[nodiscard]] std::string text() const {
    RunPlan work = new_run(640, 64, {27});
    work.whole.keys = std::int64_t{3} << 30U;
    return cost_text(cost_of(work, config_, calibration_, allocation_), work, config_, calibration_, allocation_,
                     "coco.yaml");
  }
  void expect(const std::string& part) const {
    EXPECT_NE(text().find(part), std::string::npos) << part << "\n" << text();
  }
  void expect_not(const std::string& part) const {
    EXPECT_EQ(text().find(part), std::string::npos) << part << "\n" << text();
  }

  Calibration calibration_ = simple_calibration();
  Allocation allocation_ = machines(2, 4, 8);
  Config config_;
};

TEST_F(Words, AllOfIt) {
  config_.model.batch_size = 64;
  config_.cluster.max_iterations = 300;
  calibration_.measured_images = 48;
  calibration_.listed_images = 640;
  calibration_.seconds = 60;
  calibration_.process_memory_bytes = 256.0 * 1024 * 1024;
  // 48 images more in a shard than measured, each three times with its pixels: 20.7 MiB.
  // 10 shards on 8 ranks: two for one of them, each 8 rounds. 16 (1.1 + 0.2 + 0.4) = 27.2 s; 3 GiB in them.
  const std::string all = text();
  const std::string begin =
      "expected on 2 nodes with 4 ranks of 8 threads:\n"
      "  stage             time   node-hours      written  memory/rank   work\n"
      "  start             0 us        0.000            -      256 MiB   the program, the weights, the list of images\n"
      "  extract         17.6 s        0.010     3.00 GiB      277 MiB   640 images in 10 shards, at most 2 per rank\n"
      "  segment          3.2 s        0.002            -      277 MiB   640 images in 10 shards, at most 2 per rank\n"
      "  describe         6.4 s        0.004            -      277 MiB   640 images in 10 shards, at most 2 per rank\n";
  EXPECT_EQ(all.substr(0, begin.size()), begin);
  expect("  total           27.2 s        0.015     3.00 GiB      277 MiB\n\n");
  expect(
      "  measured 48 of 640 images in 60 s, in shards of 16 with 5 segments per image, on 1 rank (1 per node) with 2 "
      "threads each (test); all else is scaled from that\n");
  expect("  extract: 1.82 images/s and rank, measured on this CPU\n");
  expect("  file system: 118 MB/s are written in all, 59.2 MB/s per node; whether it keeps up is not known\n");
  expect(
      "one job:\n  sbatch --nodes=2 --ntasks-per-node=4 --cpus-per-task=8 --mem=2G --time=00:10:00 slurm/datus.sbatch "
      "coco.yaml\na chain of jobs (slurm/pipeline.sh): lines for slurm/site.sh\n");
  for (const char* job : {"extract", "segment", "describe", "cluster", "mask"}) {
    expect(std::string("  ") + job + "_options=\"--nodes=2 --ntasks-per-node=4 --cpus-per-task=8 --mem=");
  }
  expect_not("gpus");
  expect_not("GPU");
}

TEST_F(Words, GpusAreForTheJobsThatUseThem) {
  allocation_.has_gpus = true;
  const auto expect_jobs = [&](std::initializer_list<const char*> with, std::initializer_list<const char*> without) {
    for (const char* job : with) {
      expect(std::string("  ") + job + "_options=\"--nodes=2 --ntasks-per-node=4 --gpus-per-node=4 ");
    }
    for (const char* job : without) {
      expect(std::string("  ") + job + "_options=\"--nodes=2 --ntasks-per-node=4 --cpus-per-task=8 ");
    }
  };
  expect("sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 --cpus-per-task=8");
  config_.affinity.weights = AffinityConfig::Weights::sign;
  expect_jobs({"extract", "segment", "describe", "cluster"}, {"mask"});
  // What the settings keep on the CPU.
  config_.affinity.weights = AffinityConfig::Weights::value;
  config_.cluster.device = ClusterConfig::Device::cpu;
  expect_jobs({"extract", "describe"}, {"segment", "cluster", "mask"});
  // Of embeddings that are there.
  config_.descriptor.kind = DescriptorConfig::Kind::mean_key;
  expect_jobs({"extract"}, {"segment", "describe", "cluster", "mask"});
  expect("THE SPEED OF THE GPUs IS NOT KNOWN");
  allocation_.forward_rate = 100;
  expect("extract: 1.82 images/s and rank, measured on this CPU\n  forward pass: 100 images/s and rank, ASSUMED");
  expect_not("IS NOT KNOWN, times");
}

TEST_F(Words, HoursAndMemoryOfGpus) {
  allocation_.has_gpus = true;
  config_.model.batch_size = 64;
  config_.model.input_size = {512, 512};
  config_.descriptor.kind = DescriptorConfig::Kind::mean_key;
  config_.affinity.weights = AffinityConfig::Weights::value;
  config_.cluster.device = ClusterConfig::Device::cpu;
  config_.cluster.max_iterations = 300;
  calibration_.start_seconds = 90;
  // 27.2 s of extract to describe and 90 s before, on 2 nodes with 4 GPUs: 937.6 s of GPUs, of which all but 17.6 s of
  // each, 796.8 s, idle. 25 Mi numbers of weights and 64 Mi of a batch, a quarter more of these; twice 64 images of 768
  // KiB and one number. All with 1 GiB for libraries: 1330 MiB.
  expect("  stage             time   node-hours    GPU-hours      written  memory/rank   memory/GPU   work\n");
  expect("  start           90.0 s        0.050        0.200            -      0 bytes            -   the program");
  expect("  extract         17.6 s        0.010        0.039     3.00 GiB      216 MiB     1.30 GiB   640 images");
  expect("  describe         6.4 s        0.004        0.014            -      216 MiB            -   640 images");
  expect("  total       1 min 57 s        0.065        0.260     3.00 GiB      216 MiB     1.30 GiB\n");
  expect("in 0.221 of them no stage uses them");
  expect("COMPUTED, NOT MEASURED, with 1.00 GiB for CUDA, cuBLAS and NCCL, ASSUMED\n");
  expect(
      "weights 50.0 MiB, a batch of 64 160 MiB (25 % of it for LibTorch's allocator, ASSUMED), images and results "
      "96.0 MiB, graphs 0 bytes\n");
  expect_not("cluster: rows");
  config_.cluster.device.reset();
  // 3200 rows, 400 on a rank.
  expect("cluster: rows, labels and centroids ");
}

TEST_F(Words, BatchesThatShardsDoNotFill) {
  allocation_.has_gpus = true;
  // Two whole batches of a shard; a shard alone; two shards in a batch.
  for (const int whole : {32, 64, 128}) {
    config_.model.batch_size = whole;
    expect_not("are filled to");
  }
  // 64 of 96 places; 64 of 100; 192 of 200.
  config_.model.batch_size = 48;
  expect("  embeddings: batches of 48 are filled to 67 % by shards of 64 images: let one of model.batch_size and ");
  config_.model.batch_size = 100;
  expect("batches of 100 are filled to 64 % by");
  config_.model.batch_size = 200;
  expect_not("are filled to");
}

TEST_F(Words, WhatIsNotMeasuredIsSaid) {
  expect("not measured: so many ranks and threads");
  expect("300 iterations (cluster.max_iterations) of ");
  expect("the most there can be\n");
  config_.cluster.restarts = 2;
  config_.cluster.groups = 2;
  expect("  k-means: 2 groups of ranks share ");
  config_.cluster.groups.reset();
  config_.cluster.restarts = 1;
  calibration_.segments_per_image = 0;
  expect("THE SAMPLE HAD NO SEGMENT");
  config_.storage.embeddings = StorageConfig::Embeddings::none;
  expect("no chain of jobs: storage.embeddings is none");
  allocation_ = machines(1, 1, 2);
  expect_not("not measured: so many");
  expect_not("ASSUMED");
}

}  // namespace plan_cost_test
}  // namespace datus::test
