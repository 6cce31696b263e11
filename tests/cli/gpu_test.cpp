#include "cli/plain_files.hpp"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

// The commands that give the same bits on GPUs, through the command line: files equal to those of the CPU. On emulated
// cards, or in a build with CUDA on real ones.
namespace datus::test {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Whether the program that is tested finds a card; this test itself need not have one.
bool program_has_gpu() {
  const Outcome outcome = run_program({"version"});
  return outcome.out.find("GPUs      none") == std::string::npos;
}

class GpuCommands : public testing::Test {
 protected:
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

TEST_F(GpuCommands, PreflightCountsTheCards) {
  const Outcome outcome =
      run_program({"preflight", "--set", "model.device=cpu", "--set", "cluster.device=cuda"}, {.ranks = 2});
  EXPECT_EQ(outcome.code, 0) << outcome;
}

}  // namespace
}  // namespace datus::test
