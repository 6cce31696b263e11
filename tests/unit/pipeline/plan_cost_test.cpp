#include "datus/pipeline/plan_cost.hpp"

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

TEST(CostText, Durations) {
  EXPECT_EQ(duration_text(0), "0 us");
  EXPECT_EQ(duration_text(0.0123), "12.3 ms");
  EXPECT_EQ(duration_text(12.34), "12.3 s");
  EXPECT_EQ(duration_text(250.2), "4 min 10 s");
  EXPECT_EQ(duration_text(12'000), "3 h 20 min");
  EXPECT_EQ(duration_text(187'200), "2 d 4 h");
}

class Words : public testing::Test {
 protected:
  [[nodiscard]] std::string text() const {
    const RunWork work = new_run(640, 64, {27});
    const RunCost cost = cost_of_run(work, config_, calibration_, allocation_);
    CostRequest request;
    request.arguments = "coco.yaml";
    return cost_text(cost, work, config_, calibration_, allocation_, request);
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

TEST_F(Words, SbatchLinesHaveTheWholeLayout) {
  // 10 shards on 8 ranks: two shards, each 8 rounds of 1.7 s; 27.2 s and what k-means takes.
  expect("sbatch --nodes=2 --ntasks-per-node=4 --cpus-per-task=8 --mem=");
  expect(" --time=00:10:00 slurm/datus.sbatch coco.yaml\n");
  for (const char* job : {"extract", "segment", "describe", "cluster", "mask"}) {
    expect(std::string("  ") + job + "_options=\"--nodes=2 --ntasks-per-node=4 --cpus-per-task=8 --mem=");
  }
  expect_not("gpus");
}

TEST_F(Words, GpusAreForExtractAndDescribeOnly) {
  allocation_.has_gpus = true;
  expect("sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 --cpus-per-task=8");
  for (const char* job : {"extract", "describe"}) {
    expect(std::string("  ") + job + "_options=\"--nodes=2 --ntasks-per-node=4 --gpus-per-node=4 ");
  }
  for (const char* job : {"segment", "cluster", "mask"}) {
    expect(std::string("  ") + job + "_options=\"--nodes=2 --ntasks-per-node=4 --cpus-per-task=8 ");
  }
  expect("THE GPUs ARE NOT COUNTED");
  allocation_.forward_rate = 100;
  expect("100 images/s and rank, ASSUMED (--forward-rate) in place of the 2 measured on this CPU");
  expect_not("NOT COUNTED");
}

TEST_F(Words, WhatIsNotMeasuredIsSaid) {
  expect("not measured: so many ranks and threads");
  expect("ASSUMED 20 us a step");
  expect("300 iterations (cluster.max_iterations)");
  expect_not("THE DISK DECIDES");
  calibration_.values.segments_per_image = 0;
  expect("THE SAMPLE HAD NO SEGMENT");
  config_.storage.embeddings = StorageConfig::Embeddings::none;
  expect("no chain of jobs: storage.embeddings is none");
}

TEST(ListAsIf, RepeatsOrChooses) {
  ImageList list;
  list.shard_size = 4;
  for (int i = 0; i < 10; ++i) list.images.push_back({std::to_string(i), 100, 640 + i, 480, ""});
  const ImageList more = list_as_if(list, 25);
  EXPECT_EQ(more.size(), 25);
  EXPECT_EQ(more.shards(), 7);
  EXPECT_EQ(more.images[23].width, 643);
  const ImageList fewer = list_as_if(list, 5);
  EXPECT_EQ(fewer.size(), 5);
  EXPECT_EQ(fewer.images[0].width, 640);
  EXPECT_EQ(fewer.images[4].width, 648);
  EXPECT_EQ(list_as_if(list, 10).hash(), list.hash());
}

}  // namespace plan_cost_test
}  // namespace datus::test
