// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/core/half.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
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
}

TEST_F(GpuModelRuns, FitOrDoNotAndAreNeverCutShort) {
  if (!is_emulated_) GTEST_SKIP() << "needs an emulated GPU";
  enum class Fit { nothing, half, whole };
  // What two batches of everything say at the beginning is true to the end, but for what depends on the order of
  // threads: whether two batches under way hold most at one time, or one after the other. Up to twice the least memory
  // may then be too little, and the run ends with an error that says what to do.
  std::vector<std::int64_t> cut_short;
  std::int64_t enough_for_half = 0;
  const auto fit_in = [&](std::int64_t memory) {
    const std::string name = "memory" + std::to_string(memory);
    const Outcome outcome = run(name, {"model.device=cuda", "cluster.device=cpu", "model.batch_size=4"},
                                {.environment = {"DATUS_EMULATED_MEMORY=" + std::to_string(memory)}});
    const bool is_halved = outcome.err.find("does not fit the GPU's memory; this run takes 2") != std::string::npos;
    if (outcome.code == 0) return is_halved ? Fit::half : Fit::whole;
    EXPECT_EQ(outcome.code, 1) << outcome;
    if (is_halved) {
      cut_short.push_back(memory);
      EXPECT_NE(outcome.err.find("Use a smaller model.batch_size"), std::string::npos) << outcome;
    } else {
      EXPECT_TRUE(!fs::exists(file(name) / "keys") || fs::is_empty(file(name) / "keys")) << memory << outcome;
    }
    return Fit::nothing;
  };
  // The least memory in which half of a batch fits, and the least for whole ones: where it would show that something
  // was forgotten.
  for (const Fit wanted : {Fit::half, Fit::whole}) {
    std::int64_t too_little = 150'000;
    std::int64_t enough = 3'000'000;
    ASSERT_EQ(fit_in(too_little), Fit::nothing);
    ASSERT_EQ(fit_in(enough), Fit::whole);
    while (enough - too_little > 2000) {
      const std::int64_t middle = (enough + too_little) / 2;
      (fit_in(middle) >= wanted ? enough : too_little) = middle;
    }
    EXPECT_GE(fit_in(2 * enough), wanted);
    if (wanted == Fit::half) enough_for_half = enough;
  }
  for (const std::int64_t memory : cut_short) EXPECT_LT(memory, 2 * enough_for_half);
}

}  // namespace gpu_model_test
}  // namespace datus::test
