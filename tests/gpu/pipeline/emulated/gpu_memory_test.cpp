// SPDX-License-Identifier: Apache-2.0
// What `datus plan` expects on a GPU, against what the emulation counts.
#include "pipeline/plan/gpu_memory.hpp"

#include "counters.hpp"
#include "datus/algo/kmeans.hpp"
#include "datus/algo/kmeans_rows.hpp"
#include "datus/comm/device_communicator.hpp"
#include "datus/comm/self_communicator.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/segment_gpu.hpp"
#include "pipeline/stages/smoothing_gpu.hpp"

#include <random>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace {

/// Bytes that `action` takes at most on the emulated GPUs.
template <class Action>
double peak_of(const Action& action) {
  cuda_emulation::forget_counters();
  const std::size_t before = cuda_emulation::counters().peak_memory;
  action();
  return static_cast<double>(cuda_emulation::counters().peak_memory - before);
}

Config small_config() {
  Config config;
  config.cluster.k = {7, 20};
  config.cluster.restarts = 3;
  config.cluster.max_iterations = 4;
  return config;
}

Calibration shape(int rows, int cols, int dim) {
  Calibration calibration;
  calibration.grid_rows = rows;
  calibration.grid_cols = cols;
  calibration.embedding_width = dim;
  calibration.descriptor_width = dim;
  return calibration;
}

TEST(PlannedGpuMemory, OfGraphsIsWhatTheyTake) {
  for (const auto weights : {AffinityConfig::Weights::sign, AffinityConfig::Weights::soft}) {
    for (const auto& [rows, cols, dim] : {std::tuple{9, 8, 10}, {23, 23, 65}, {16, 32, 96}}) {
      Config config = small_config();
      config.affinity.weights = weights;
      config.affinity.metric = AffinityConfig::Metric::cosine;
      config.affinity.center = cols == 8 ? AffinityConfig::Center::none : AffinityConfig::Center::image;
      SegmentGpu gpu(0);
      const int nodes = rows * cols;
      const int width = dim;
      const double taken = peak_of([&] { (void)gpu.lend(nodes, width, affinity_options(config.affinity), 12); });
      EXPECT_EQ(gpu_memory(config, shape(rows, cols, dim), 12, 1, 0, {}).graphs, taken);
    }
  }
}

TEST(PlannedGpuMemory, OfSmoothingIsWhatItTakes) {
  for (const auto& [rows, cols, dim, threads] :
       {std::tuple{9, 8, 10, 12}, {23, 23, 65, 1}, {16, 32, 384, 3}, {90, 90, 12, 12}}) {
    Config config = small_config();
    config.descriptor.kind = DescriptorConfig::Kind::mean_key;
    const auto planned = [&, rows = rows, cols = cols, dim = dim, threads = threads] {
      return gpu_memory(config, shape(rows, cols, dim), threads, 1, 0, {});
    };
    EXPECT_EQ(planned().smoothing, 0);
    const double before = planned().of_shards();
    config.descriptor.smoothing = 0.05;
    SmoothingGpu gpu(0);
    const double taken = peak_of(
        [&, nodes = rows * cols, width = dim, threads = threads] { (void)gpu.lend(nodes, width, 0.05, threads); });
    EXPECT_EQ(planned().smoothing, taken) << rows << ' ' << dim;
    EXPECT_EQ(planned().of_masks() - GpuMemory::libraries, taken);
    EXPECT_EQ(planned().of_shards() - before, taken);
  }
}

TEST(PlannedGpuMemory, OfEmbeddingsThatStayForGraphs) {
  constexpr int images = 20;
  Config config = small_config();
  const auto planned = [&] { return gpu_memory(config, shape(9, 8, 10), 12, images, 0, {}).transfers; };
  Config on_the_cpu = config;
  on_the_cpu.affinity.quantile = 0.5;
  const double others = gpu_memory(on_the_cpu, shape(9, 8, 10), 12, images, 0, {}).transfers;
  for (const bool halves : {true, false}) {
    config.storage.embeddings = halves ? StorageConfig::Embeddings::none : StorageConfig::Embeddings::float32;
    SegmentGpu gpu(0);
    const double taken = peak_of([&] {
      std::vector<GpuKeys> keys;
      for (int shard = 0; shard < SegmentGpu::shards_on_gpu; ++shard) {
        keys.push_back(gpu.lend_keys({.images = images, .values = std::size_t{9} * 8 * 10, .halves = halves}));
      }
    });
    EXPECT_EQ(planned() - others, taken);
  }
  config.model.flip = true;
  EXPECT_EQ(planned(), others);
  config.model.flip = false;
  config.affinity.center = AffinityConfig::Center::dataset;
  EXPECT_EQ(planned(), others);
}

TEST(PlannedGpuMemory, OfClustersIsEnoughAndNotMuchMore) {
  constexpr std::int64_t count = 1500;
  constexpr int dim = 30;
  std::vector<float> values(std::size_t{count} * dim);
  std::mt19937 generator(3);
  for (float& value : values) value = static_cast<float>(generator() % 1000) / 1000;
  const Config config = small_config();
  KMeansOptions options = kmeans_options(config, config.cluster.k, 1);
  SelfCommunicator comm;
  const auto collectives = make_staged_communicator(comm);
  const KMeansGpu gpu{.index = 0, .collectives = collectives.get(), .memory_bytes = 0};
  options.gpu = &gpu;
  const double taken = peak_of([&] { (void)kmeans(MemoryRows(values, dim), options, {}, comm); });
  const double planned = gpu_memory(config, shape(1, 1, dim), 1, 1, count, config.cluster.k).cluster;
  EXPECT_GE(planned, taken);
  EXPECT_LE(planned, 1.25 * taken);
}

}  // namespace
}  // namespace datus::test
