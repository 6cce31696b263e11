#include "cost_samples.hpp"
#include "datus/pipeline/run_cost.hpp"

#include <gtest/gtest.h>

// The numbers that are expected here were worked out by hand from the formulas of docs/planning.md.
namespace datus::test {
namespace run_cost_cluster_test {

Calibration kmeans_calibration() {
  Calibration calibration = simple_calibration();
  auto& values = calibration.values;
  values.kmeans_thread_seconds_per_row = 1e-6;
  values.kmeans_thread_seconds_per_row_and_cluster = 1e-7;
  return calibration;
}

Config kmeans_config(int iterations = 10) {
  Config config;
  config.cluster.max_iterations = iterations;
  config.cluster.checkpoint_every = 0;
  return config;
}

TEST(ClusterCost, OfIterationsByHand) {
  // 1000 rows on two threads, 27 clusters in two groups of 16: 500 (1 + 3.2) µs for each pass, 11 passes.
  const auto cost = cost_of_clusters(new_run(200, 64, {27}), kmeans_config(), kmeans_calibration(), machines(1, 1, 2));
  EXPECT_NEAR(cost.iteration_seconds, 2.1e-3, tiny);
  EXPECT_NEAR(cost.seconds, 11 * 2.1e-3, tiny);
  EXPECT_EQ(cost.iterations, 10);
  EXPECT_FALSE(cost.streams);
}

TEST(ClusterCost, OfSeveralKAndRestarts) {
  Config config = kmeans_config();
  config.cluster.restarts = 3;
  // 27 takes two groups, 33 three: 3 (1 + 3.2 + 1 + 4.8) µs a row.
  const auto cost = cost_of_clusters(new_run(200, 64, {27, 33}), config, kmeans_calibration(), machines(1, 1, 2));
  EXPECT_NEAR(cost.iteration_seconds, 500 * 3 * 10e-6, tiny);
}

TEST(ClusterCost, OfFirstCentroidsAndQuality) {
  Calibration calibration = kmeans_calibration();
  calibration.values.kmeans_plus_plus_thread_seconds_per_row = 1e-5;
  calibration.values.kmeans_quality_passes = 2;
  Config config = kmeans_config();
  // 27 rounds of 500 rows, 10 µs each; the quality is worth two passes of 2.1 ms.
  auto cost = cost_of_clusters(new_run(200, 64, {27}), config, calibration, machines(1, 1, 2));
  EXPECT_NEAR(cost.start_seconds, 27 * 500 * 1e-5, tiny);
  EXPECT_NEAR(cost.seconds, 27 * 500 * 1e-5 + 13 * 2.1e-3, tiny);
  config.cluster.init = ClusterConfig::Init::file;
  EXPECT_EQ(cost_of_clusters(new_run(200, 64, {27}), config, calibration, machines(1, 1, 2)).start_seconds, 0);
}

TEST(ClusterCost, RowsAndTheAllreduceOfManyRanks) {
  Calibration calibration = kmeans_calibration();
  calibration.machine.ranks = 2;
  calibration.values.allreduce_step_seconds = 1e-3;
  calibration.values.allreduce_seconds_per_byte = 1e-6;
  // 8 ranks: 125 rows each on one thread. 8 (1 + 2 + 27 * 64 + 2 * 27) = 14,280 bytes: 2 * 3 steps and 7/4 of them.
  const auto cost = cost_of_clusters(new_run(200, 64, {27}), kmeans_config(), calibration, machines(4, 2, 1));
  EXPECT_NEAR(cost.allreduce_seconds, 6e-3 + 1.75 * 14'280e-6, tiny);
  EXPECT_NEAR(cost.iteration_seconds, 125 * 4.2e-6 + cost.allreduce_seconds, tiny);
}

TEST(ClusterCost, MiniBatches) {
  Config config = kmeans_config();
  config.cluster.algorithm = ClusterConfig::Algorithm::mini_batch;
  config.cluster.batch_size = 300;
  config.cluster.epochs = 5;
  // Four batches an epoch, 150 rows of a thread each; then all rows are assigned.
  const auto cost = cost_of_clusters(new_run(200, 64, {27}), config, kmeans_calibration(), machines(1, 1, 2));
  EXPECT_EQ(cost.iterations, 20);
  EXPECT_NEAR(cost.seconds, 20 * 150 * 4.2e-6 + 2.1e-3, tiny);
}

TEST(ClusterCost, RowsThatDoNotFitAreReadInEachPass) {
  Calibration calibration = kmeans_calibration();
  calibration.values.read_bytes_per_second = 1e6;
  Config config = kmeans_config();
  const RunWork work = new_run(200'000, 64, {27});
  const auto in_memory = cost_of_clusters(work, config, calibration, machines(1, 1, 2));
  EXPECT_FALSE(in_memory.streams);
  config.cluster.memory = 32 << 20;  // of 256 MB of rows
  const auto streamed = cost_of_clusters(work, config, calibration, machines(1, 1, 2));
  EXPECT_TRUE(streamed.streams);
  EXPECT_GT(streamed.iteration_seconds, 200);
  EXPECT_LT(memory_of_clusters(work, config, calibration, machines(1, 1, 2)),
            memory_of_clusters(work, kmeans_config(), calibration, machines(1, 1, 2)) / 4);
}

TEST(ClusterCost, OfNothing) {
  const auto cost = cost_of_clusters(new_run(200), kmeans_config(), kmeans_calibration(), machines(1, 1, 2));
  EXPECT_EQ(cost.seconds, 0);
}

TEST(Allreduce, StepsAndBytes) {
  CalibrationValues values;
  EXPECT_EQ(allreduce_seconds(values, 1, 1e9), 0);
  values.allreduce_step_seconds = 1;
  EXPECT_NEAR(allreduce_seconds(values, 2, 0), 2, tiny);
  EXPECT_NEAR(allreduce_seconds(values, 64, 0), 12, tiny);
  EXPECT_NEAR(allreduce_seconds(values, 65, 0), 14, tiny);
  values = {};
  // Nothing measured: 20 µs and 1 ns.
  EXPECT_NEAR(allreduce_seconds(values, 4, 1000), 80e-6 + 1.5e-6, tiny);
}

}  // namespace run_cost_cluster_test
}  // namespace datus::test
