// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/core/names.hpp"
#include "datus/io/image_reader.hpp"

#include <filesystem>
#include <sstream>
#include <string>

// Runs of each combination, what they share, and their leaderboard.
namespace datus::test {
namespace sweep_cli_test {

namespace fs = std::filesystem;

class SweepCommand : public testing::Test {
 protected:
  void SetUp() override {
    write_test_images(folder_ / "images", 4);
    for (const std::string& name : files_below(folder_ / "images")) {
      const ImageHeader image = read_image_header(folder_ / "images" / name);
      std::vector<std::uint8_t> truth(static_cast<std::size_t>(image.height) * image.width);
      for (std::size_t i = 0; i < truth.size(); ++i) truth[i] = i % image.width < 20 ? 0 : 1;
      fs::create_directories(folder_ / "truth");
      write_grey_png(folder_ / "truth" / mask_name(name), truth, image.height, image.width);
    }
    write_bytes(folder_ / "base.yaml", "preset: best\nmodel: {weights: '" + tiny_weights() +
                                           "', heads: 2, input_size: 32}\ncluster: {k: [2, 3]}\n"
                                           "dataset: {kind: index_png, images: images, truth: truth, classes: 2}\n"
                                           "evaluate: {bootstrap: 10}\n");
    write_bytes(folder_ / "many.yaml", "base: base.yaml\nvary: {mask.refine: [none, guided]}\nseeds: [0, 1]\n");
  }
  [[nodiscard]] Outcome program(const Arguments& arguments, int ranks = 0) const {
    return run_program(arguments, {.folder = folder_.path(), .ranks = ranks});
  }
  [[nodiscard]] fs::path run(const std::string& name) const { return folder_ / "runs/many" / name; }

  TempFolder folder_;
};

TEST_F(SweepCommand, RunsEachCombinationAndEndsWithALeaderboard) {
  const Outcome list = program({"sweep", "many.yaml", "--list"});
  ASSERT_EQ(list.code, 0) << list;
  EXPECT_NE(list.out.find("4 runs in 1 part in runs/many\n"), std::string::npos) << list;
  EXPECT_NE(list.out.find("refine-guided_seed1  (keys, segments, descriptors of refine-none_seed0)"), std::string::npos)
      << list;
  EXPECT_FALSE(fs::exists(folder_ / "runs"));

  const Outcome sweep = program({"sweep", "many.yaml"}, 2);
  ASSERT_EQ(sweep.code, 0) << sweep;
  EXPECT_EQ(fs::read_symlink(run("refine-guided_seed1") / "keys"), "../refine-none_seed0/keys");
  for (const char* file : {"leaderboard.csv", "leaderboard.md", "leaderboard.html", "leaderboard.tex"}) {
    EXPECT_TRUE(fs::exists(folder_ / "runs/many" / file)) << file;
  }
  EXPECT_NE(sweep.out.find("best, mask.refine: guided"), std::string::npos) << sweep;

  // A run that shares files is the run that it would be alone.
  ASSERT_EQ(program({"run", "base.yaml", "--run", "alone", "--set", "mask.refine=guided", "--set", "run.seed=1"}).code,
            0);
  for (const char* folder : {"masks", "scores", "clusters"}) {
    for (const std::string& name : files_below(folder_ / "alone" / folder)) {
      EXPECT_EQ(bytes_of(folder_ / "alone" / folder / name), bytes_of(run("refine-guided_seed1") / folder / name))
          << name;
    }
  }
  EXPECT_EQ(program({"inspect", "--verify", run("refine-guided_seed1").string()}).code, 0);

  const Outcome again = program({"sweep", "many.yaml", "--part", "0"});
  ASSERT_EQ(again.code, 0) << again;
  EXPECT_NE(again.out.find("extract   up to date"), std::string::npos) << again;
  expect_refusal(program({"sweep", "many.yaml", "--part", "1"}), 2, {"--part 1"});
}

TEST_F(SweepCommand, ARunThatFailsKeepsNoneOfTheOthers) {
  write_bytes(folder_ / "many.yaml",
              "base: base.yaml\ndatasets: {none: {images: nowhere, truth: null, kind: folder}, some: {}}\n");
  const Outcome outcome = program({"sweep", "many.yaml"});
  EXPECT_EQ(outcome.code, 3) << outcome;
  EXPECT_NE(outcome.err.find("run none failed"), std::string::npos) << outcome;
  EXPECT_TRUE(fs::exists(run("some") / "scores/k002.json"));
  EXPECT_FALSE(fs::exists(folder_ / "runs/many/leaderboard.csv"));
}

TEST_F(SweepCommand, LeaderboardsAreMeansOverSeeds) {
  write_bytes(folder_ / "many.yaml", "base: base.yaml\nseeds: [0, 1]\n");
  ASSERT_EQ(program({"sweep", "many.yaml"}).code, 0);
  const auto miou = [&](const std::string& name) {
    return nlohmann::json::parse(bytes_of(run(name) / "scores/k003.json"))["strict"]["miou"].get<double>();
  };
  const double mean = 100 * (miou("seed0") + miou("seed1")) / 2;
  const Outcome table =
      program({"leaderboard", "runs/many/seed0", "runs/many/seed1", "--protocol", "strict", "--format", "csv"});
  ASSERT_EQ(table.code, 0) << table;
  std::istringstream lines(table.out);
  std::string line;
  std::getline(lines, line);  // header
  std::getline(lines, line);  // K = 2
  std::getline(lines, line);
  ASSERT_TRUE(line.starts_with("\"images\",\"strict\",3,\"dino_p8\",\"best\",2,")) << table;
  const std::string value = line.substr(std::string("\"images\",\"strict\",3,\"dino_p8\",\"best\",2,").size());
  EXPECT_NEAR(std::stod(value), mean, 0.0051) << table;
  expect_refusal(program({"leaderboard", "images"}), 3, {"No run in images"});
}

}  // namespace sweep_cli_test
}  // namespace datus::test
