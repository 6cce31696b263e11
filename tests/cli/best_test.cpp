// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/mask_file.hpp"
#include "support/run_files.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

// Runs with a tree over fine clusters and a label for every pixel (preset best).
namespace datus::test {
namespace best_test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Best : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "images");
    for (int i = 0; i < 9; ++i) {
      write_png(folder_ / ("images/" + std::to_string(i) + ".png"),
                test_image(60 + 3 * i, 90 - 4 * i, static_cast<unsigned>(i)));
    }
    write_bytes(folder_ / "mine.yaml", "preset: best\ndataset: {images: images, shard_size: 2}\nmodel: {weights: '" +
                                           tiny_weights() +
                                           "', heads: 2, input_size: [48, 64]}\n"
                                           "segment: {min_patches: 0}\ncluster: {k: [2, 3], fine: 12}\n");
  }
  [[nodiscard]] Outcome run(const std::string& directory, const Arguments& more = {}, int ranks = 0) const {
    Arguments arguments = {"run", "mine.yaml", "--run", directory};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path(), .ranks = ranks});
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] LabelMap mask(const std::string& run, const std::string& k, int image) const {
    return read_mask(path(run + "/masks/" + k + "/" + std::to_string(image) + ".png"));
  }

  TempFolder folder_;
};

TEST_F(Best, EveryPixelHasALabelOnAnyRanks) {
  const Outcome outcome = run("one");
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(outcome.out.find("separation"), std::string::npos) << outcome;
  // Of 12 fine clusters, up to 3.
  const auto selection = Json::parse(bytes_of(path("one/clusters/selection.json")));
  ASSERT_EQ(selection["suggested_k"].size(), 1U);
  EXPECT_NE(outcome.out.find("the tree suggests K = " + selection["suggested_k"][0].dump()), std::string::npos)
      << outcome;
  EXPECT_EQ(selection["separations"].size(), 11U);
  EXPECT_EQ(selection["separations"][1], selection["values"][1]["separation"]);
  EXPECT_EQ(Json::parse(bytes_of(path("one/summary.json")))["suggested_k"], selection["suggested_k"]);
  for (int i = 0; i < 9; ++i) {
    const LabelMap labels = mask("one", "k003", i);
    EXPECT_EQ(labels.height, 60 + 3 * i);
    EXPECT_GE(std::ranges::min(labels.labels), 0);
    EXPECT_LT(std::ranges::max(labels.labels), 3);
  }
  // The clusters of K = 2 are those of K = 3, two of them joined.
  std::vector<std::int32_t> above(3, -1);
  const Hdf5Reader two(path("one/clusters/k002/centroids.h5"));
  const Hdf5Reader three(path("one/clusters/k003/centroids.h5"));
  const auto coarse = two.read<std::int32_t>("cluster_of_fine");
  const auto fine = three.read<std::int32_t>("cluster_of_fine");
  ASSERT_EQ(coarse.size(), fine.size());
  for (std::size_t i = 0; i < fine.size(); ++i) {
    std::int32_t& joined = above[static_cast<std::size_t>(fine[i])];
    if (joined < 0) joined = coarse[i];
    EXPECT_EQ(joined, coarse[i]);
  }
  fs::rename(path("one"), path("reference"));
  const Contents reference = results_of(path("reference"));
  const Outcome three_ranks = run("one", {}, 3);
  ASSERT_EQ(three_ranks.code, 0) << three_ranks;
  EXPECT_EQ(joined_lines(differences(path("one"), reference)), "");
}

TEST_F(Best, AKThatIsAddedIsCutFromTheSameTree) {
  ASSERT_EQ(run("both").code, 0);
  ASSERT_EQ(run("grown", {"--set", "cluster.k=3"}).code, 0);
  const auto written = fs::last_write_time(path("grown/clusters/k003/centroids.h5"));
  const auto mask_written = fs::last_write_time(path("grown/masks/k003/4.png"));
  const Outcome outcome = run("grown");
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(fs::last_write_time(path("grown/clusters/k003/centroids.h5")), written);
  EXPECT_EQ(fs::last_write_time(path("grown/masks/k003/4.png")), mask_written);
  const Hdf5Reader one(path("both/clusters/k002/centroids.h5"));
  const Hdf5Reader other(path("grown/clusters/k002/centroids.h5"));
  EXPECT_EQ(one.read<double>("fine_centroids"), other.read<double>("fine_centroids"));
  EXPECT_EQ(one.read<std::int32_t>("cluster_of_fine"), other.read<std::int32_t>("cluster_of_fine"));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(mask("both", "k002", i).labels, mask("grown", "k002", i).labels);
}

TEST_F(Best, OnlyTheMasksThatAreMissingAreMadeAgain) {
  for (const std::string labels : {"dense", "segment"}) {
    fs::remove_all(path("run"));
    const Arguments settings = {"--set", "mask.labels=" + labels, "--set",
                                labels == "dense" ? "mask.refine=guided" : "mask.refine=none"};
    ASSERT_EQ(run("run", settings).code, 0);
    const Contents reference = results_of(path("run"));
    // Of one K a mask of shards 0 and 2, of the other one of shards 2 and 4.
    for (const std::string gone : {"k002/1", "k002/4", "k003/5", "k003/8"})
      fs::remove(path("run/masks/" + gone + ".png"));
    const auto time_of = [&](const std::string& mask) {
      return fs::last_write_time(path("run/masks/" + mask + ".png"));
    };
    const auto kept = time_of("k003/0");
    const auto also_kept = time_of("k002/8");
    const auto made_again = time_of("k003/4");
    const Outcome outcome = run("run", settings);
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(joined_lines(differences(path("run"), reference)), "");
    EXPECT_EQ(time_of("k003/0"), kept);
    EXPECT_EQ(time_of("k002/8"), also_kept);
    EXPECT_GT(time_of("k003/4"), made_again);
  }
}

TEST_F(Best, AppliedToTheSameImagesGivesTheSameMasks) {
  ASSERT_EQ(run("fitted").code, 0);
  const Outcome outcome =
      run_program({"apply", "fitted", "--images", "images", "--run", "applied"}, {.folder = folder_.path()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  for (int i = 0; i < 9; ++i) {
    for (const char* k : {"k002", "k003"}) EXPECT_EQ(mask("applied", k, i).labels, mask("fitted", k, i).labels) << i;
  }
  EXPECT_EQ(Hdf5Reader(path("applied/clusters/k003/assignment.h5")).read<std::int32_t>("assignment"),
            Hdf5Reader(path("fitted/clusters/k003/assignment.h5")).read<std::int32_t>("assignment"));
}

TEST_F(Best, RefinedMasksDoNotDependOnRanks) {
  for (const std::string refine : {"crf", "guided"}) {
    const Outcome outcome = run("run", {"--set", "mask.refine=" + refine});
    ASSERT_EQ(outcome.code, 0) << outcome;
    for (int i = 0; i < 9; ++i) EXPECT_GE(std::ranges::min(mask("run", "k003", i).labels), 0);
    const Contents reference = results_of(path("run"));
    fs::remove_all(path("run"));
    const Outcome two = run("run", {"--set", "mask.refine=" + refine}, 2);
    ASSERT_EQ(two.code, 0) << two;
    EXPECT_EQ(joined_lines(differences(path("run"), reference)), "");
    fs::remove_all(path("run"));
  }
}

TEST_F(Best, PlainFilesHaveTheTreeToo) {
  ASSERT_EQ(run("one").code, 0);
  const Outcome outcome = run_program({"cluster", "--descriptors", "one/descriptors", "--k", "2,3", "--out", "c.h5",
                                       "--set", "cluster.fine=12", "--set", "cluster.restarts=8"},
                                      {.folder = folder_.path()});
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(Hdf5Reader(path("c.h5")).read<std::int32_t>("/k003/assignment"),
            Hdf5Reader(path("one/clusters/k003/assignment.h5")).read<std::int32_t>("assignment"));
}

// As with labels of segments: clusters of other settings, or damaged ones, make no masks.
TEST_F(Best, MasksAreMadeFromTheirOwnClustersOnly) {
  ASSERT_EQ(run("run").code, 0);
  const auto mask_stage = [&](const Arguments& more) {
    fs::remove_all(path("run/masks"));
    Arguments arguments = {"mask", "mine.yaml", "--run", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path()});
  };
  expect_refusal(mask_stage({"--set", "run.seed=7"}), 3, {"centroids.h5", "run.seed"});
  EXPECT_TRUE(files_below(path("run/masks")).empty());
  const fs::path damaged = path("run/clusters/k002/centroids.h5");
  std::string bytes = bytes_of(damaged);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_bytes(damaged, bytes);
  expect_refusal(mask_stage({}), 3, {"k002/centroids.h5"});
  EXPECT_TRUE(files_below(path("run/masks")).empty());
}

TEST_F(Best, ContradictionsAreRefused) {
  expect_refusal(run("a", {"--set", "storage.embeddings=none"}), 2,
                 {"affinity.center = dataset", "storage.embeddings = none"});
  expect_refusal(run("a", {"--set", "storage.embeddings=none", "--set", "affinity.center=image"}), 2,
                 {"mask.labels = dense", "storage.embeddings = none"});
  expect_refusal(run("a", {"--set", "descriptor.kind=mean_token", "--set", "descriptor.smoothing=null"}), 2,
                 {"mask.labels = dense", "descriptor.kind"});
  expect_refusal(run("a", {"--set", "cluster.k=13"}), 2, {"cluster.fine = 12", "cluster.k"});
  expect_refusal(run("a", {"--set", "mask.refine=crf", "--set", "mask.labels=segment"}), 2,
                 {"mask.refine = crf", "mask.labels = segment"});
  expect_refusal(run("a", {"--set", "mask.refine=crf", "--set", "mask.resolution=grid"}), 2,
                 {"mask.refine = crf", "mask.resolution = grid"});
  expect_refusal(run("a", {"--set", "affinity.metric=dot"}), 2, {"affinity.weights = soft", "affinity.metric = dot"});
}

}  // namespace best_test
}  // namespace datus::test
