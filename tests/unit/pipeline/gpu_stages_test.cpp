// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/gpu_stages.hpp"

#include "pipeline/inputs/options_of_config.hpp"
#include "support/places.hpp"

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {
namespace gpu_stages_test {

template <class Takes>
std::vector<std::string> stages_that(const Takes& takes, const std::vector<std::string>& settings) {
  const Config config = load_config(std::nullopt, settings);
  std::vector<std::string> names;
  for (const Stage stage : all_stages) {
    if (takes(stage, config)) names.emplace_back(stage_name(stage));
  }
  return names;
}
std::vector<std::string> gpu_stages(const std::vector<std::string>& settings) {
  return stages_that(uses_gpu, settings);
}

using Names = std::vector<std::string>;

TEST(GpuStages, FollowTheSettings) {
  EXPECT_EQ(gpu_stages({"preset=paper"}), (Names{"extract", "segment", "describe", "cluster"}));
  EXPECT_EQ(gpu_stages({"preset=paper", "model.device=cpu"}), Names{"cluster"});
  EXPECT_EQ(gpu_stages({"preset=paper", "cluster.device=cpu", "affinity.weights=value"}),
            (Names{"extract", "describe"}));
  EXPECT_EQ(gpu_stages({"preset=paper", "descriptor.kind=mean_key"}), (Names{"extract", "segment", "cluster"}));
  EXPECT_EQ(gpu_stages({"preset=paper", "model.device=cpu", "cluster.device=cpu"}), Names{});
}

TEST(GpuStages, SmoothingUsesAGpuAndAsksForNone) {
  EXPECT_EQ(gpu_stages({"preset=best"}), (Names{"extract", "segment", "describe", "cluster", "mask"}));
  EXPECT_EQ(stages_that(asks_for_gpu, {"preset=best"}), (Names{"extract", "segment", "cluster"}));
  EXPECT_EQ(stages_that(asks_for_gpu, {"preset=paper"}), gpu_stages({"preset=paper"}));
  EXPECT_EQ(gpu_stages({"preset=best", "descriptor.smoothing=null"}), (Names{"extract", "segment", "cluster"}));
  EXPECT_EQ(gpu_stages({"preset=best", "mask.labels=segment", "mask.refine=none"}),
            (Names{"extract", "segment", "describe", "cluster"}));
  EXPECT_EQ(gpu_stages({"preset=best", "model.device=cpu"}), Names{"cluster"});
}

TEST(GpuStages, KeepEmbeddingsWhereMoreIsMadeOfThem) {
  const auto keeps = [](const std::vector<std::string>& settings) {
    return keeps_keys_on_gpu(load_config(std::nullopt, settings));
  };
  // The mean of the data set is known when all are written.
  EXPECT_FALSE(keeps({"preset=best"}));
  EXPECT_TRUE(keeps({"preset=best", "affinity.center=image"}));
  EXPECT_TRUE(keeps({"preset=best", "affinity.center=image", "segment.method=none"}));
  EXPECT_FALSE(keeps({"preset=best", "affinity.center=image", "segment.method=none", "descriptor.smoothing=null"}));
  EXPECT_FALSE(keeps({"preset=best", "affinity.center=image", "model.flip=true"}));
  EXPECT_TRUE(keeps({"preset=paper"}));
}

/// The options of a job of the chain in a site's file.
std::string options_of(const std::string& stage, const std::map<std::string, std::string>& lines) {
  const std::string text = lines.at(stage + "_options");
  const auto other = text.find("_options");
  return text.starts_with('$') ? options_of(text.substr(1, other - 1), lines) : text;
}

/// Whoever copies that file and no settings has preset best.
TEST(GpuStages, AreThoseThatTheSiteWithGpusGivesThemTo) {
  std::map<std::string, std::string> lines;
  std::ifstream file(source_path("slurm/sites/gpu8.sh"));
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find("_options=\"");
    if (equals == std::string::npos) continue;
    const auto begin = line.find('"') + 1;
    lines[line.substr(0, equals) + "_options"] = line.substr(begin, line.rfind('"') - begin);
  }
  Names given;
  for (const char* stage : {"extract", "segment", "describe", "cluster", "mask"}) {
    if (options_of(stage, lines).find("--gpus-per-node") != std::string::npos) given.emplace_back(stage);
  }
  EXPECT_EQ(given, stages_that(asks_for_gpu, {"preset=best"}));
}

TEST(SettingsWithoutGpus, NameTheDevicesThatMayBeGpus) {
  Config config;
  EXPECT_EQ(settings_without_gpus(config), "model.device: cpu and cluster.device: cpu");
  config.model.device = ModelConfig::Device::cpu;
  EXPECT_EQ(settings_without_gpus(config), "cluster.device: cpu");
  config.cluster.device = ClusterConfig::Device::cpu;
  EXPECT_EQ(settings_without_gpus(config), "");
  config.model.device = ModelConfig::Device::cuda;
  EXPECT_EQ(settings_without_gpus(config), "model.device: cpu");
}

}  // namespace gpu_stages_test
}  // namespace datus::test
