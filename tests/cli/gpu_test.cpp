// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

// The commands that give the same bits on GPUs, through the command line: files equal to those of the CPU. On emulated
// cards, or in a build with CUDA on real ones.
namespace datus::test {
namespace gpu_test {

namespace fs = std::filesystem;

/// Whether the program that is tested finds a card; this test itself need not have one.
bool program_has_gpu() {
  const Outcome outcome = run_program({"version"});
  return outcome.out.find("GPUs      none") == std::string::npos;
}

class GpuCommands : public testing::Test {
 protected:
  // Emulated cards are one rank's each: whoever makes a context on another one's ends.
  static void SetUpTestSuite() { setenv("DATUS_EMULATED_EXCLUSIVE", "1", 1); }
  void SetUp() override {
    if (!program_has_gpu()) GTEST_SKIP() << "needs a GPU: " << run_program({"version"}).out;
  }

  [[nodiscard]] fs::path file(const std::string& name) const { return folder_.path() / name; }

  void write_rows(std::int64_t rows, std::int64_t dim) const {
    std::mt19937 generator(3);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(rows * dim));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] =
          normal(generator) + 3.0F * std::sin(static_cast<float>(i / static_cast<std::size_t>(dim) % 11 * (i % 7)));
    }
    write_hdf5(file("rows.h5"), [&](Hdf5Writer& writer) { writer.write<float>("descriptor", values, {rows, dim}); });
  }

  /// The bytes of `cluster` with these settings.
  [[nodiscard]] std::string clusters(const Arguments& settings, int ranks) const {
    fs::remove(file("out.h5"));
    Arguments arguments = {
        "cluster", "--descriptors",           file("rows.h5").string(), "--k", "5,70", "--out", file("out.h5").string(),
        "--set",   "cluster.max_iterations=6"};
    for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    const Outcome outcome = run_program(arguments, {.ranks = ranks, .limit = std::chrono::seconds(250)});
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.err.find("the GPU refused"), std::string::npos) << outcome;
    return bytes_of(file("out.h5"));
  }

  TempFolder folder_;
};

TEST_F(GpuCommands, ClusterWritesTheFileOfTheCpuOnAnyNumberOfRanks) {
  write_rows(700, 24);
  for (const char* mode : {"cluster.mode=exact", "cluster.mode=fast"}) {
    const std::string expected = clusters({mode, "cluster.device=cpu"}, 0);
    ASSERT_FALSE(expected.empty());
    for (const int ranks : {0, 2, 3, 4}) {
      EXPECT_EQ(clusters({mode, "cluster.device=cuda", "cluster.comm=mpi"}, ranks), expected) << mode << ranks;
    }
    EXPECT_EQ(clusters({mode, "cluster.device=cuda", "cluster.comm=nccl"}, 0), expected) << mode;
  }
}

TEST_F(GpuCommands, InstancesOfOneCardAddUpByMpi) {
  if (run_program({"version"}).out.find("Emulated GPU") == std::string::npos) GTEST_SKIP() << "needs an emulated GPU";
  write_rows(300, 8);
  const auto cluster = [&](const Arguments& more) {
    Arguments arguments = {
        "cluster", "--descriptors",      file("rows.h5").string(), "--k", "3", "--out", file("out.h5").string(),
        "--set",   "cluster.device=cuda"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.ranks = 2, .environment = {"DATUS_EMULATED_INSTANCES=2"}});
  };
  const Outcome chosen = cluster({});
  EXPECT_EQ(chosen.code, 0) << chosen;
  EXPECT_NE(chosen.err.find("cluster.comm: auto takes mpi: ranks share a card by instances of it (MIG)"),
            std::string::npos)
      << chosen;
  const Outcome refused = cluster({"--set", "cluster.comm=nccl"});
  EXPECT_EQ(refused.code, 2) << refused;
  EXPECT_NE(refused.err.find("Ranks 0 and 1 have instances (MIG) of one GPU"), std::string::npos) << refused;
}

TEST_F(GpuCommands, CardsThatTheBuildHasNoCodeForAreRefusedAtTheStart) {
  if (run_program({"version"}).out.find("Emulated GPU") == std::string::npos) GTEST_SKIP() << "needs an emulated GPU";
  write_rows(300, 8);
  const auto cluster = [&](const char* device) {
    return run_program({"cluster", "--descriptors", file("rows.h5").string(), "--k", "3", "--out",
                        file("out.h5").string(), "--set", std::string("cluster.device=") + device},
                       {.environment = {"DATUS_EMULATED_CAPABILITY=75"}});
  };
  const std::string why =
      "this build has code for compute capability 8.0, 9.0 and later cards, none for GPU 0 (Emulated";
  const Outcome refused = cluster("cuda");
  EXPECT_EQ(refused.code, 2) << refused;
  EXPECT_NE(refused.err.find("No GPU can be used, and cluster.device: cuda asks for one (" + why), std::string::npos)
      << refused;
  EXPECT_NE(refused.err.find("Use a card of compute capability 8.0 or later"), std::string::npos) << refused;
  const Outcome without = cluster("auto");
  EXPECT_EQ(without.code, 0) << without;
  EXPECT_NE(without.err.find("cluster.device: auto takes the CPUs: " + why), std::string::npos) << without;
}

TEST_F(GpuCommands, CardsAfterThoseOfABuildWithoutPortableCodeAreRefused) {
  const Outcome outcome = run_program(
      {"version"}, {.environment = {"DATUS_EMULATED_ARCHITECTURES=80-real", "DATUS_EMULATED_CAPABILITY=90"}});
  if (outcome.out.find("Emulated GPU") == std::string::npos) GTEST_SKIP() << "needs an emulated GPU";
  EXPECT_NE(outcome.out.find("GPUs      none: this build has code for compute capability 8.0 to 8.9, none for GPU 0 ("),
            std::string::npos)
      << outcome;
}

TEST_F(GpuCommands, SegmentWritesTheFileOfTheCpu) {
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  std::vector<half> keys(std::size_t{5} * 36 * 16);
  for (half& key : keys) key = to_half(normal(generator));
  write_hdf5(file("keys.h5"), [&](Hdf5Writer& writer) { writer.write<half>("keys", keys, {5, 36, 16}); });
  const auto segments = [&](const char* device) {
    const Outcome outcome =
        run_program({"segment", "--keys", file("keys.h5").string(), "--out", file("segments.h5").string(), "--set",
                     "segment.min_patches=1", "--set", device});
    EXPECT_EQ(outcome.code, 0) << outcome;
    return bytes_of(file("segments.h5"));
  };
  const std::string expected = segments("model.device=cpu");
  ASSERT_FALSE(expected.empty());
  fs::remove(file("segments.h5"));
  EXPECT_EQ(segments("model.device=cuda"), expected);
}

/// A run on a handful of images of two sizes in shards of two.
class GpuRuns : public GpuCommands {
 protected:
  void SetUp() override {
    GpuCommands::SetUp();
    write_test_images(file("images"), 9);
    std::ofstream(file("run.yaml")) << "dataset: {images: " << file("images").string() << ", shard_size: 2}\n"
                                    << "model: {weights: " << tiny_weights() << ", heads: 2, input_size: 48, "
                                    << "precision: float32, batch_size: 4}\n"
                                    << "descriptor: {crop_resize: 40, crop_size: 32}\n"
                                    << "segment: {min_patches: 1}\ncluster: {k: [3]}\n";
  }

  [[nodiscard]] Outcome run(const char* name, const Arguments& settings, const Launch& launch = {},
                            const char* command = "run") const {
    Arguments arguments = {command, file("run.yaml").string(), "--run", file(name).string()};
    for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return run_program(arguments, launch);
  }
  /// The names and bytes of all masks.
  [[nodiscard]] std::string masks(const char* name) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(file(name) / "masks" / "k003")) paths.push_back(entry.path());
    std::ranges::sort(paths);
    std::string all;
    for (const auto& path : paths) all += path.filename().string() + bytes_of(path);
    return all;
  }
  [[nodiscard]] std::string record(const char* name) const { return bytes_of(file(name) / "config.yaml"); }
};

TEST_F(GpuRuns, GiveTheMasksOfTheCpuWithShardsUnderWaySideBySide) {
  const Outcome on_cpu = run("cpu", {"model.device=cpu", "cluster.device=cpu"});
  ASSERT_EQ(on_cpu.code, 0) << on_cpu;
  for (const int ranks : {0, 2, 3}) {
    const std::string name = "gpu" + std::to_string(ranks);
    const Outcome outcome =
        run(name.c_str(), {"model.device=cuda", "cluster.device=cuda", "cluster.comm=mpi"}, {.ranks = ranks});
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.err.find("the GPU refused"), std::string::npos) << outcome;
    // A card's float32 is not the CPU's: with a real one the files of these runs are equal to each other.
    if (record("gpu0").find("emulated GPU") != std::string::npos) {
      EXPECT_EQ(masks(name.c_str()), masks("cpu")) << ranks;
    }
    EXPECT_EQ(masks(name.c_str()), masks("gpu0")) << ranks;
    EXPECT_EQ(bytes_of(file(name) / "keys/000001.h5"), bytes_of(file("gpu0") / "keys/000001.h5")) << ranks;
    EXPECT_EQ(bytes_of(file(name) / "descriptors/000004.h5"), bytes_of(file("gpu0") / "descriptors/000004.h5"))
        << ranks;
  }
  // Started on GPUs, it is not gone on with on CPUs; nor the other way round.
  for (const auto& [name, device] : {std::pair("gpu0", "model.device=cpu"), std::pair("cpu", "model.device=cuda")}) {
    const Outcome other = run(name, {device});
    EXPECT_EQ(other.code, 3) << other;
    EXPECT_NE(other.err.find("another backend"), std::string::npos) << other;
  }
}

// As preset best has them: of embeddings minus the data set's mean.
TEST_F(GpuRuns, MakeSoftGraphsOnTheGpu) {
  const Arguments soft = {"affinity.metric=cosine", "affinity.weights=soft", "affinity.temperature=0.2",
                          "affinity.center=dataset"};
  const auto run_on = [&](const std::string& device) {
    Arguments settings = soft;
    settings.insert(settings.end(), {"model.device=" + device, "cluster.device=cpu"});
    const Outcome outcome = run(device.c_str(), settings);
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(outcome.err.find("graphs on the CPU"), std::string::npos) << outcome;
  };
  run_on("cuda");
  if (record("cuda").find("emulated GPU") == std::string::npos) return;  // a card's float32 is not the CPU's
  run_on("cpu");
  EXPECT_EQ(masks("cuda"), masks("cpu"));
  const auto segments = [&](const char* name) {
    return Hdf5Reader(file(name) / "segments/000001.h5").read<std::int16_t>("segment");
  };
  EXPECT_EQ(segments("cuda"), segments("cpu"));
}

/// As preset best smoothes them; one pass, or two where the mean of all comes first.
const Arguments& smoothed_settings() {
  static const Arguments settings = {"descriptor.kind=mean_key", "descriptor.smoothing=0.1", "mask.labels=dense"};
  return settings;
}

// Descriptors and masks byte for byte; the run takes them from where the model left them, or from their files.
TEST_F(GpuRuns, SmoothEmbeddingsOnTheGpu) {
  const auto run_on = [&](const std::string& name, const std::string& device, const char* centre, int ranks = 0) {
    Arguments settings = smoothed_settings();
    settings.insert(settings.end(),
                    {"model.device=" + device, "cluster.device=cpu", std::string("affinity.center=") + centre});
    const fs::path counts = file(name + "-launches.txt");
    const Outcome outcome =
        run(name.c_str(), settings, {.ranks = ranks, .environment = {"DATUS_EMULATED_LAUNCHES=" + counts.string()}});
    EXPECT_EQ(outcome.code, 0) << outcome;
    int launches = 0;
    std::ifstream(counts) >> launches;
    return launches;
  };
  const auto descriptors = [&](const std::string& name, const char* shard) {
    return Hdf5Reader(file(name) / "descriptors" / shard).read<float>("descriptor");
  };
  for (const char* centre : {"none", "dataset"}) {
    const std::string cuda = std::string("cuda-") + centre;
    const std::string cpu = std::string("cpu-") + centre;
    const int launches = run_on(cuda, "cuda", centre);
    if (record(cuda.c_str()).find("emulated GPU") == std::string::npos) return;  // a card's float32 is not the CPU's
    EXPECT_GT(launches, 0);
    (void)run_on(cpu, "cpu", centre);
    EXPECT_EQ(masks(cuda.c_str()), masks(cpu.c_str())) << centre;
    for (const char* shard : {"000000.h5", "000001.h5", "000004.h5"}) {
      EXPECT_EQ(descriptors(cuda, shard), descriptors(cpu, shard)) << centre << shard;
    }
    (void)run_on(cuda + "2", "cuda", centre, 2);
    EXPECT_EQ(masks((cuda + "2").c_str()), masks(cpu.c_str())) << centre;
  }
}

// A job of a chain that has no GPU makes what one with a GPU makes.
TEST_F(GpuRuns, MakeDescriptorsAndMasksWithAndWithoutAGpu) {
  const auto stage = [&](const char* name, const std::string& device) {
    Arguments settings = smoothed_settings();
    settings.insert(settings.end(), {"model.device=" + device, "cluster.device=cpu"});
    const fs::path counts = file("launches.txt");
    fs::remove(counts);
    const Outcome outcome =
        run("chain", settings, {.environment = {"DATUS_EMULATED_LAUNCHES=" + counts.string()}}, name);
    EXPECT_EQ(outcome.code, 0) << outcome;
    int launches = 0;
    std::ifstream(counts) >> launches;
    return launches;
  };
  (void)stage("extract", "cuda");
  (void)stage("segment", "cuda");
  const bool is_emulated = record("chain").find("emulated GPU") != std::string::npos;
  (void)stage("describe", "cuda");
  const std::string described = bytes_of(file("chain") / "descriptors/000001.h5");
  (void)stage("cluster", "cpu");
  const int launches = stage("mask", "cuda");
  const std::string made = masks("chain");
  fs::remove_all(file("chain") / "descriptors");
  fs::remove_all(file("chain") / "masks");
  (void)stage("describe", "cpu");
  EXPECT_TRUE(bytes_of(file("chain") / "descriptors/000001.h5") == described);
  EXPECT_EQ(stage("mask", "cpu"), 0);
  EXPECT_TRUE(masks("chain") == made);
  if (is_emulated) {
    EXPECT_GT(launches, 0);
  }
}

TEST_F(GpuRuns, HalvedBatchesStayHalved) {
  if (run_program({"version"}).out.find("Emulated GPU") == std::string::npos) GTEST_SKIP() << "needs an emulated GPU";
  // Room for two of the four images of a batch, 48 x 48 x 3 float32 each.
  const Launch small{.environment = {"DATUS_EMULATED_MEMORY=70000"}};
  const Arguments settings = {"model.device=cuda", "cluster.device=cpu", "affinity.quantile=0.5"};
  const Outcome first = run("small", settings, small);
  ASSERT_EQ(first.code, 0) << first;
  EXPECT_NE(first.err.find("model.batch_size: 4 does not fit the GPU's memory; this run takes 2"), std::string::npos)
      << first;
  EXPECT_NE(record("small").find("batches of 2 for want of memory"), std::string::npos) << record("small");
  EXPECT_NE(record("small").find("batch_size: 4"), std::string::npos) << record("small");
  const std::string before = record("small");
  // With more memory the run goes on as it began: nothing is computed again.
  fs::remove(file("small") / "descriptors/000001.h5");
  const std::string kept = bytes_of(file("small") / "keys/000000.h5");
  const Outcome second = run("small", settings);
  ASSERT_EQ(second.code, 0) << second;
  EXPECT_EQ(second.err.find("redoing"), std::string::npos) << second;
  EXPECT_EQ(record("small"), before);
  EXPECT_EQ(bytes_of(file("small") / "keys/000000.h5"), kept);
  // A run that has files keeps its size, and says so where it does not fit any more.
  ASSERT_EQ(run("large", settings).code, 0);
  fs::remove(file("large") / "descriptors/000001.h5");
  const Outcome less = run("large", settings, small);
  EXPECT_EQ(less.code, 1) << less;
  EXPECT_NE(less.err.find("do not fit the GPU any more"), std::string::npos) << less;
  // Not even half of it.
  const Outcome tiny = run("tiny", settings, {.environment = {"DATUS_EMULATED_MEMORY=30000"}});
  EXPECT_EQ(tiny.code, 1) << tiny;
  EXPECT_NE(tiny.err.find("Half of a batch"), std::string::npos) << tiny;
}

/// As the jobs of a chain with preset best are given GPUs (slurm/sites/gpu8.sh).
TEST_F(GpuRuns, GoOnWithoutAGpuWhereDescriptorsAreOfStoredEmbeddings) {
  const auto stage = [&](const char* name, const char* device, const char* kind) {
    return run("chain", {std::string("model.device=") + device, std::string("descriptor.kind=") + kind}, {}, name);
  };
  ASSERT_EQ(stage("extract", "cuda", "mean_key").code, 0);
  ASSERT_EQ(stage("segment", "cpu", "mean_key").code, 0);
  const std::string before = record("chain");
  const Outcome described = stage("describe", "cpu", "mean_key");
  EXPECT_EQ(described.code, 0) << described;
  EXPECT_TRUE(fs::exists(file("chain") / "descriptors/000004.h5")) << described;
  EXPECT_EQ(record("chain"), before);
  // What the model makes, another backend may not.
  const Outcome refused = stage("describe", "cpu", "masked_crop");
  EXPECT_EQ(refused.code, 3) << refused;
  EXPECT_NE(refused.err.find("was started on another backend"), std::string::npos) << refused;
}

TEST_F(GpuCommands, PreflightCountsTheCards) {
  const Outcome outcome = run_program({"preflight", "--set", "cluster.device=cuda"}, {.ranks = 2});
  EXPECT_EQ(outcome.code, 0) << outcome;
}

}  // namespace gpu_test
}  // namespace datus::test
