// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"
#include "datus/io/hdf5_writer.hpp"
#include "datus/io/mask_file.hpp"
#include "support/run_files.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// Runs whose graphs are of embeddings minus the mean of the whole data set (affinity.center: dataset).
namespace datus::test {
namespace dataset_mean_test {

namespace fs = std::filesystem;

const Arguments graph = {"--set", "affinity.metric=cosine", "--set", "affinity.weights=value",
                         "--set", "segment.min_patches=1"};

class DatasetMean : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "images");
    for (int i = 0; i < 9; ++i) write_image(i, static_cast<unsigned>(i));
    write_bytes(folder_ / "mine.yaml",
                "dataset: {images: images, shard_size: 2}\nmodel: {weights: '" + tiny_weights() +
                    "', heads: 2, input_size: [48, 64], resize: pad}\n"
                    "affinity: {metric: cosine, weights: value, center: dataset}\nsegment: {min_patches: 1}\n"
                    "descriptor: {kind: mean_key}\ncluster: {k: [2, 3]}\n");
  }
  void write_image(int i, unsigned seed) const {
    write_png(folder_ / ("images/" + std::to_string(i) + ".png"), test_image(60 + 3 * i, 90 - 4 * i, seed));
  }
  [[nodiscard]] Outcome datus(Arguments arguments, const Arguments& more = {}, int ranks = 0) const {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path(), .ranks = ranks});
  }
  [[nodiscard]] Outcome run(const std::string& directory, const Arguments& more = {}, int ranks = 0) const {
    return datus({"run", "mine.yaml", "--run", directory}, more, ranks);
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::vector<float> mean_of(const std::string& run) const {
    return Hdf5Reader(path(run + "/keys/mean.h5")).read<float>("mean");
  }

  TempFolder folder_;
};

/// The mean over the patches of a run's keys that are in their images.
std::vector<double> plain_mean(const fs::path& keys, std::int64_t& patches) {
  const Hdf5Reader reader(keys);
  const Shape shape = reader.shape("keys", 3);
  const auto values = reader.read<float>("keys");
  const auto valid = reader.read<std::uint8_t>("valid");
  const auto dim = static_cast<std::size_t>(shape[2]);
  std::vector<double> mean(dim);
  patches = std::ranges::count(valid, 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (valid[i / dim] != 0) mean[i % dim] += static_cast<double>(values[i]);
  }
  for (double& value : mean) value /= static_cast<double>(patches);
  return mean;
}

TEST_F(DatasetMean, GraphsAreOfEmbeddingsMinusIt) {
  const Outcome outcome = run("run");
  ASSERT_EQ(outcome.code, 0) << outcome;
  std::int64_t patches = 0;
  const auto expected = plain_mean(path("run/keys.h5"), patches);
  const auto mean = mean_of("run");
  ASSERT_EQ(mean.size(), expected.size());
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(static_cast<double>(mean[i]), expected[i], 1e-6);
  EXPECT_EQ(Hdf5Reader(path("run/keys/mean.h5")).attribute<std::int64_t>("/", "patches"), patches);
  EXPECT_LT(patches, 9 * 48);

  // The same segments from embeddings that somebody else centred.
  const Hdf5Reader keys(path("run/keys.h5"));
  auto values = keys.read<float>("keys");
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= mean[i % mean.size()];
  {
    Hdf5Writer writer(path("centred.h5"));
    writer.write<float>("keys", values, keys.shape("keys", 3));
    writer.write<std::uint8_t>("valid", keys.read<std::uint8_t>("valid"), keys.shape("valid", 2));
    writer.attribute("/", "rows", std::int64_t{6});
    writer.attribute("/", "cols", std::int64_t{8});
    writer.close();
  }
  const auto segments_of = [&](const std::string& from, const std::string& center) {
    const Outcome made =
        datus({"segment", "--keys", from, "--out", "s.h5", "--set", "affinity.center=" + center}, graph);
    EXPECT_EQ(made.code, 0) << made;
    return Hdf5Reader(path("s.h5")).read<std::int16_t>("segment");
  };
  const auto segments = Hdf5Reader(path("run/segments.h5")).read<std::int16_t>("segment");
  EXPECT_EQ(segments_of("centred.h5", "none"), segments);
  EXPECT_EQ(segments_of("run/keys.h5", "dataset"), segments);
  EXPECT_NE(segments_of("run/keys.h5", "none"), segments);
}

TEST_F(DatasetMean, TheSameBitsOnAnyRanksAndAfterAnyStop) {
  ASSERT_EQ(run("run").code, 0);
  const Contents reference = results_of(path("run"));
  ASSERT_TRUE(reference.contains("keys/mean.h5"));
  for (const int ranks : {2, 3}) {
    fs::remove_all(path("run"));
    const Outcome outcome = run("run", {}, ranks);
    ASSERT_EQ(outcome.code, 0) << outcome;
    EXPECT_EQ(joined_lines(differences(path("run"), reference)), "");
  }
  // Other shards hold the same images.
  ASSERT_EQ(run("other", {"--set", "dataset.shard_size=5"}).code, 0);
  EXPECT_EQ(mean_of("other"), mean_of("run"));
  // What is gone is made again, and only that; a damaged mean likewise.
  const auto kept = fs::last_write_time(path("run/segments/000001.h5"));
  fs::remove(path("run/keys/000003.h5"));
  fs::remove(path("run/segments/000002.h5"));
  write_bytes(path("run/keys/mean.h5"), "damaged");
  const Outcome outcome = run("run", {}, 2);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(joined_lines(differences(path("run"), reference)), "");
  EXPECT_EQ(fs::last_write_time(path("run/segments/000001.h5")), kept);
  // One stage after the other.
  for (const char* stage : {"extract", "segment", "describe", "cluster", "mask"}) {
    const Outcome part = datus({stage, "mine.yaml", "--run", "stages"});
    ASSERT_EQ(part.code, 0) << stage << ": " << part;
  }
  EXPECT_EQ(mean_of("stages"), mean_of("run"));
  EXPECT_EQ(bytes_of(path("stages/masks/k003/4.png")), bytes_of(path("run/masks/k003/4.png")));
  const Outcome inspected = datus({"inspect", "run", "--verify"});
  EXPECT_EQ(inspected.code, 0) << inspected;
}

TEST_F(DatasetMean, AnotherImageChangesItForAll) {
  ASSERT_EQ(run("run").code, 0);
  const auto before = mean_of("run");
  write_image(8, 77);
  const Outcome outcome = run("run");
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_NE(mean_of("run"), before);
  ASSERT_EQ(run("fresh").code, 0);
  EXPECT_EQ(mean_of("run"), mean_of("fresh"));
  for (const char* file : {"segments/000000.h5", "masks/k003/0.png"}) {
    EXPECT_EQ(bytes_of(path("run") / file), bytes_of(path("fresh") / file)) << file;
  }
}

TEST_F(DatasetMean, AnAppliedRunTakesThatOfTheFittedOne) {
  ASSERT_EQ(run("fitted").code, 0);
  fs::create_directories(path("few"));
  fs::copy(path("images/4.png"), path("few/4.png"));
  const Outcome outcome = datus({"apply", "fitted", "--images", "few", "--run", "applied"}, {}, 2);
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_EQ(mean_of("applied"), mean_of("fitted"));
  EXPECT_EQ(read_mask(path("applied/masks/k003/4.png")).labels, read_mask(path("fitted/masks/k003/4.png")).labels);
  const Outcome again = datus({"apply", "fitted", "--images", "few", "--run", "applied"});
  ASSERT_EQ(again.code, 0) << again;
  fs::remove(path("fitted/keys/mean.h5"));
  fs::remove_all(path("applied"));
  expect_refusal(datus({"apply", "fitted", "--images", "few", "--run", "applied"}), 3, {"fitted", "mean.h5"});
}

TEST_F(DatasetMean, ItNeedsStoredEmbeddings) {
  expect_refusal(run("a", {"--set", "storage.embeddings=none"}), 2,
                 {"affinity.center = dataset", "storage.embeddings = none"});
}

}  // namespace dataset_mean_test
}  // namespace datus::test
