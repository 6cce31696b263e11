// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/core/half.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

// Whole runs with the model on a GPU, in shards of several batches: with the code that runs on a card, on an emulated
// one, where LibTorch's operations are those of the CPU; in a build with CUDA on a real one.
namespace datus::test {
namespace gpu_model_test {

namespace fs = std::filesystem;

class GpuModelRuns : public testing::Test {
 protected:
  // Emulated cards are one rank's each: whoever makes a context on another one's ends.
  static void SetUpTestSuite() { setenv("DATUS_EMULATED_EXCLUSIVE", "1", 1); }

  void SetUp() override {
    const std::string version = run_program({"version"}).out;
    if (version.find("GPUs      none") != std::string::npos) GTEST_SKIP() << "needs a GPU: " << version;
    is_emulated_ = version.find("Emulated GPU") != std::string::npos;
    write_test_images(file("images"), 9);
  }

  [[nodiscard]] fs::path file(const std::string& name) const { return folder_.path() / name; }

  /// A run of two shards, in batches of 2: both places for batches are in use, more than once.
  [[nodiscard]] Outcome run(const std::string& name, const Arguments& settings, const Launch& launch = {}) const {
    std::ofstream(file("run.yaml")) << "dataset: {images: " << file("images").string() << ", shard_size: 8}\n"
                                    << "model: {weights: " << tiny_weights() << ", heads: 2, input_size: 48, "
                                    << "precision: float32, batch_size: 2}\n"
                                    << "affinity: {weights: sign}\n"
                                    << "descriptor: {kind: masked_crop, crop_resize: 40, crop_size: 32}\n"
                                    << "segment: {min_patches: 1}\ncluster: {k: [3]}\n";
    Arguments arguments = {"run", file("run.yaml").string(), "--run", file(name).string()};
    for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return run_program(arguments, launch);
  }

  [[nodiscard]] std::vector<float> keys(const std::string& name) const {
    std::vector<float> values;
    for (const char* shard : {"000000.h5", "000001.h5"}) {
      const auto halves = Hdf5Reader(file(name) / "keys" / shard).read<half>("keys");
      values.resize(values.size() + halves.size());
      to_float(std::span(halves), std::span(values).last(halves.size()));
    }
    return values;
  }

  [[nodiscard]] bool has_begun_shards(const std::string& name) const {
    return std::ranges::any_of(files_below(file(name)), [&](const std::string& path) {
      return path.starts_with("log/") && bytes_of(file(name) / path).find("\"shard_start\"") != std::string::npos;
    });
  }

  TempFolder folder_;
  bool is_emulated_ = false;
};

TEST_F(GpuModelRuns, AreTheSameAgainAndNearThoseOfTheCpu) {
  ASSERT_EQ(run("cpu", {"model.device=cpu", "cluster.device=cpu"}).code, 0);
  const std::vector<float> expected = keys("cpu");
  for (const int ranks : {0, 2}) {
    const std::string name = "gpu" + std::to_string(ranks);
    const Outcome outcome = run(name, {"model.device=cuda", "cluster.device=cpu"}, {.ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.err.find("the GPU refused"), std::string::npos) << outcome;
    if (is_emulated_) {
      EXPECT_EQ(outcome.err.find("one of 4 GPUs is used") != std::string::npos, ranks == 0) << outcome;
    }
    for (const char* stage : {"keys", "segments", "descriptors"}) {
      for (const char* shard : {"000000.h5", "000001.h5"}) {
        EXPECT_EQ(bytes_of(file(name) / stage / shard), bytes_of(file("gpu0") / stage / shard)) << stage << ranks;
      }
    }
    const std::vector<float> found = keys(name);
    ASSERT_EQ(found.size(), expected.size());
    float largest = 0;
    float worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      worst = std::max(worst, std::abs(found[i] - expected[i]));
    }
    EXPECT_LE(worst, 0.002F * largest);
  }
  const Outcome graphs = run("graphs", {"model.device=cuda", "cluster.device=cpu", "model.cuda_graphs=true"});
  ASSERT_EQ(graphs.code, 0) << graphs;
  EXPECT_EQ(graphs.err.find("model.cuda_graphs"), std::string::npos) << graphs;
  for (const char* file_name : {"keys/000000.h5", "keys/000001.h5", "descriptors/000000.h5", "descriptors/000001.h5"}) {
    EXPECT_EQ(bytes_of(file("graphs") / file_name), bytes_of(file("gpu0") / file_name)) << file_name;
  }
}

TEST_F(GpuModelRuns, DrainTheGpuOnceHoweverManyShardsThereAre) {
  if (!is_emulated_) GTEST_SKIP() << "needs an emulated GPU";
  // Graphs on the CPU, so that nobody but the model waits for the GPU.
  const auto drains_of = [&](const std::string& shard_size, int ranks) {
    const std::string name = "drains" + shard_size + "-" + std::to_string(ranks);
    const fs::path counts = file(name + ".txt");
    const Outcome outcome = run(
        name, {"model.device=cuda", "cluster.device=cpu", "affinity.weights=value", "dataset.shard_size=" + shard_size},
        {.ranks = ranks, .environment = {"DATUS_EMULATED_DRAINS=" + counts.string()}});
    EXPECT_EQ(outcome.code, 0) << outcome;
    std::ifstream lines(counts);
    return std::vector<int>(std::istream_iterator<int>(lines), {});
  };
  // Two at the ends of the batches that are tried first, one at the end of the line.
  for (const char* shard_size : {"5", "3", "1"}) EXPECT_EQ(drains_of(shard_size, 0), std::vector<int>{3}) << shard_size;
  const auto of_two = drains_of("1", 2);
  EXPECT_EQ(of_two.size(), 2U);
  for (const int drains : of_two) EXPECT_LE(drains, 3);
}

TEST_F(GpuModelRuns, ShardsShareTheBatchesThatTheyDoNotFillAlone) {
  write_test_images(file("images"), 12);
  const auto run_with = [&](const std::string& name, int shard_size, const Launch& launch = {}) {
    Outcome outcome =
        run(name,
            {"model.device=cuda", "cluster.device=cpu", "affinity.weights=value", "descriptor.kind=mean_key",
             "model.batch_size=6", "dataset.shard_size=" + std::to_string(shard_size)},
            launch);
    EXPECT_EQ(outcome.code, 0) << outcome;
    return outcome;
  };
  const auto shard = [&](const std::string& name, int number) {
    return file(name) / "keys" / ("00000" + std::to_string(number) + ".h5");
  };
  const auto all_keys = [&](const std::string& name, int shards) {
    std::vector<half> values;
    for (int i = 0; i < shards; ++i) {
      const auto halves = Hdf5Reader(shard(name, i)).read<half>("keys");
      values.insert(values.end(), halves.begin(), halves.end());
    }
    return values;
  };
  const auto launches_of = [&](const std::string& name, int shard_size) {
    const fs::path counts = file(name + ".txt");
    (void)run_with(name, shard_size, {.environment = {"DATUS_EMULATED_LAUNCHES=" + counts.string()}});
    int launches = 0;
    std::ifstream(counts) >> launches;
    return launches;
  };
  // Two batches, of two shards or of six. Shards of five leave no room for another one: three batches.
  const int whole = launches_of("of6", 6);
  const int shared = launches_of("of2", 2);
  if (is_emulated_) {
    EXPECT_GT(whole, 0);
    EXPECT_EQ(shared, whole);
    EXPECT_GT(launches_of("of5", 5), whole);
  }
  EXPECT_TRUE(all_keys("of2", 6) == all_keys("of6", 2));
  // On more ranks, and where only some of those that share a batch are to be made again.
  (void)run_with("ranks", 2, {.ranks = 3});
  EXPECT_TRUE(all_keys("ranks", 6) == all_keys("of6", 2));
  std::vector<std::string> before;
  for (int i = 0; i < 6; ++i) before.push_back(bytes_of(shard("of2", i)));
  for (const int i : {1, 3, 5}) fs::remove(shard("of2", i));
  (void)run_with("of2", 2);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(bytes_of(shard("of2", i)) == before[static_cast<std::size_t>(i)]) << i;
  // What is not filled is said.
  const Outcome outcome = run_with("of4", 4);
  EXPECT_NE(outcome.err.find("batches of 6 are filled to 67 % by shards of 4 images"), std::string::npos) << outcome;
}

// Crops go on in the batches of the shards before, at places of their own.
TEST_F(GpuModelRuns, CropsOfShardsShareBatches) {
  write_test_images(file("images"), 12);
  const auto run_with = [&](const std::string& name, int shard_size, const Launch& launch = {}) {
    Outcome outcome = run(name,
                          {"model.device=cuda", "cluster.device=cpu", "affinity.weights=value", "model.batch_size=6",
                           "dataset.shard_size=" + std::to_string(shard_size)},
                          launch);
    EXPECT_EQ(outcome.code, 0) << outcome;
    return outcome;
  };
  const auto shard = [&](const std::string& name, int number) {
    return file(name) / "descriptors" / ("00000" + std::to_string(number) + ".h5");
  };
  const Outcome outcome = run_with("of2", 2);
  // By themselves the shards would take one more for each part of a batch.
  std::int64_t crops = 0;
  std::int64_t by_themselves = 0;
  for (int i = 0; i < 6; ++i) {
    const auto of_shard = std::ssize(Hdf5Reader(shard("of2", i)).read<std::int32_t>("segment"));
    crops += of_shard;
    by_themselves += (of_shard + 5) / 6;
  }
  std::smatch said;
  ASSERT_TRUE(std::regex_search(outcome.err, said, std::regex("crops: .*\\((\\d+) crops in (\\d+)\\)"))) << outcome;
  EXPECT_EQ(std::stoll(said[1]), crops);
  EXPECT_LT(std::stoll(said[2]) + 1, by_themselves);
  // On more ranks, and where only some are to be made again, which others shared batches with.
  (void)run_with("ranks", 2, {.ranks = 3});
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(bytes_of(shard("ranks", i)) == bytes_of(shard("of2", i))) << i;
  for (const int i : {1, 2, 5}) fs::remove(shard("of2", i));
  (void)run_with("of2", 2);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(bytes_of(shard("ranks", i)) == bytes_of(shard("of2", i))) << i;
}

// What graphs and smoothing send up beside the keys of the two images that are tried first: of each image whether its
// keys are float16, and which patches count.
TEST_F(GpuModelRuns, SendNoKeysUpForGraphsAndSmoothing) {
  if (!is_emulated_) GTEST_SKIP() << "needs an emulated GPU";
  const auto bytes_up_of = [&](const std::string& name, Arguments settings) {
    settings.insert(settings.end(), {"model.device=cuda", "cluster.device=cpu", "descriptor.kind=mean_key"});
    const fs::path counts = file(name + ".txt");
    const Outcome outcome = run(name, settings, {.environment = {"DATUS_EMULATED_BYTES_UP=" + counts.string()}});
    EXPECT_EQ(outcome.code, 0) << outcome;
    std::int64_t bytes = 0;
    std::ifstream(counts) >> bytes;
    return bytes;
  };
  const std::int64_t without_graphs = bytes_up_of("none", {"affinity.weights=value"});
  const std::int64_t with_graphs = bytes_up_of("sign", {});
  constexpr std::int64_t of_image = 1 + 64;
  const auto values_of_image = static_cast<std::int64_t>(keys("sign").size()) / 9;
  EXPECT_EQ(with_graphs - without_graphs, 2 * (2 * values_of_image + of_image) + 9 * of_image);
  const Arguments smoothing = {"affinity.weights=value", "descriptor.smoothing=0.1"};
  EXPECT_EQ(bytes_up_of("smooth", smoothing) - without_graphs, with_graphs - without_graphs);
  // Float32 in the model, float16 in the file and so in the graph.
  for (const char* shard : {"000000.h5", "000001.h5"}) {
    const fs::path again = file(std::string("again-") + shard);
    const Outcome outcome =
        run_program({"segment", "--keys", (file("sign") / "keys" / shard).string(), "--out", again.string(), "--set",
                     "segment.min_patches=1", "--set", "model.device=cpu"});
    ASSERT_EQ(outcome.code, 0) << outcome;
    const auto segments = [](const fs::path& path) { return Hdf5Reader(path).read<std::int16_t>("community"); };
    EXPECT_EQ(segments(file("sign") / "segments" / shard), segments(again)) << shard;
  }
}

TEST_F(GpuModelRuns, FitOrDoNotAndAreNeverCutShort) {
  if (!is_emulated_) GTEST_SKIP() << "needs an emulated GPU";
  enum class Fit { nothing, half, whole };
  // Three shards of two whole batches: the third is in the model after the descriptors of the first.
  write_test_images(file("images"), 12);
  Arguments more;
  const auto fit_in = [&](std::int64_t memory, bool graphs = false) {
    const std::string name =
        "memory" + std::to_string(memory) + (graphs ? "graphs" : "") + (more.empty() ? "" : "more");
    Arguments settings = {"model.device=cuda", "cluster.device=cpu", "dataset.shard_size=4",
                          std::string("model.cuda_graphs=") + (graphs ? "true" : "false")};
    settings.insert(settings.end(), more.begin(), more.end());
    const Outcome outcome = run(name, settings, {.environment = {"DATUS_EMULATED_MEMORY=" + std::to_string(memory)}});
    if (outcome.code == 0) {
      return outcome.err.find("does not fit the GPU's memory; this run takes 1") == std::string::npos ? Fit::whole
                                                                                                      : Fit::half;
    }
    EXPECT_EQ(outcome.code, 1) << outcome;
    EXPECT_FALSE(has_begun_shards(name)) << memory << outcome;
    return Fit::nothing;
  };
  // The least memory in which half of a batch fits, and the least for whole ones: there, and with a little more, it
  // would show that something was forgotten, or depends on which thread comes first.
  const auto least_for = [&](Fit wanted, int precision = 2000) {
    std::int64_t too_little = 150'000;
    std::int64_t enough = 3'000'000;
    EXPECT_EQ(fit_in(too_little), Fit::nothing);
    EXPECT_EQ(fit_in(enough), Fit::whole);
    while (enough - too_little > precision) {
      const std::int64_t middle = (enough + too_little) / 2;
      (fit_in(middle) >= wanted ? enough : too_little) = middle;
    }
    for (const int extra : {1'000, 4'000, 16'000, 64'000}) EXPECT_GE(fit_in(enough + extra), wanted) << enough;
    return enough;
  };
  for (const Fit wanted : {Fit::half, Fit::whole}) {
    const std::int64_t enough = least_for(wanted);
    // With CUDA graphs too, whether there is enough for them or not.
    for (int step = 0; step < 8; ++step) (void)fit_in(enough + 20'000 * step, true);
  }
  // And with all that smoothing takes beside the model.
  more = {"descriptor.kind=mean_key", "descriptor.smoothing=0.1"};
  (void)least_for(Fit::whole, 16'000);
}

}  // namespace gpu_model_test
}  // namespace datus::test
