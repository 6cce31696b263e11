// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_files.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

// Runs on images, weights and ground truth that are damaged, missing or do not fit: the exit code, a message that names
// the culprit, no hang on several ranks, and no half-written file.
namespace datus::test {
namespace bad_input_test {

namespace fs = std::filesystem;

const Launch three_ranks = {.ranks = 3, .limit = std::chrono::seconds(30)};

class BadInput : public testing::Test {
 protected:
  /// `datus run` on the images of this test with the tiny model: every patch is a segment.
  [[nodiscard]] Outcome run(const Arguments& more = {}, const Launch& launch = {}) const {
    Arguments arguments = tiny_model({"run", config(), "--run", directory().string()});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, launch);
  }
  /// `datus STAGE` of the same run.
  [[nodiscard]] Outcome run_command(const std::string& stage) const {
    return run_program(tiny_model({stage, config(), "--run", directory().string()}));
  }
  [[nodiscard]] std::string config() const {
    write_bytes(folder_ / "config.yaml",
                "dataset: {images: images, shard_size: 2}\nsegment: {method: none}\n"
                "descriptor: {kind: mean_key}\ncluster: {k: 3}\nmodel: {weights: '" +
                    tiny_weights() + "'}\n");
    return (folder_ / "config.yaml").string();
  }
  [[nodiscard]] fs::path images() const { return folder_ / "images"; }
  [[nodiscard]] fs::path directory() const { return folder_ / "run"; }
  [[nodiscard]] const TempFolder& folder() const { return folder_; }

  /// The first part of one of the sample's JPEG files.
  void write_truncated_jpeg(const std::string& name) const {
    const std::string bytes = bytes_of(source_path("data/suim8/images/n_l_12_.jpg"));
    write_bytes(images() / name, bytes.substr(0, bytes.size() / 2));
  }

  /// Nothing was made in these parts of the run, and nothing is left under a temporary name.
  void expect_nothing_in(const std::vector<std::string>& parts) const {
    for (const auto& part : parts) EXPECT_TRUE(files_below(directory() / part).empty()) << part;
    for (const auto& name : files_below(directory())) EXPECT_EQ(name.find(".tmp-"), std::string::npos) << name;
  }

 private:
  TempFolder folder_;
};

const std::vector<std::string> all_parts = {"keys", "segments", "descriptors", "clusters", "masks", "scores", "report"};

TEST_F(BadInput, AnUnreadableImageIsListedAndTheRestIsDone) {
  write_test_images(images(), 4);
  write_truncated_jpeg("broken.jpg");
  write_bytes(images() / "nothing.png", "");
  const Outcome reported = run({}, three_ranks);
  EXPECT_FALSE(reported.timed_out);
  EXPECT_EQ(reported.code, 4) << reported;
  EXPECT_NE(reported.err.find("broken.jpg"), std::string::npos) << reported;
  const std::string listed = bytes_of(directory() / "unreadable.tsv");
  EXPECT_EQ(std::count(listed.begin(), listed.end(), '\n'), 2) << listed;
  EXPECT_EQ(listed.rfind("broken.jpg\t", 0), 0U) << listed;
  EXPECT_NE(listed.find("\nnothing.png\t"), std::string::npos) << listed;
  const auto summary = nlohmann::json::parse(bytes_of(directory() / "summary.json"));
  EXPECT_EQ(summary["images"], 6);
  EXPECT_EQ(summary["unreadable"], 2);
  EXPECT_EQ(files_below(directory() / "masks" / "k003"),
            (std::vector<std::string>{"a.png", "b.png", "c.png", "d.png"}));

  // It stays in the summary of a run that has nothing left to do, and `skip` alone changes the exit code.
  EXPECT_EQ(run().code, 4);
  EXPECT_EQ(run({"--set", "dataset.on_unreadable=skip"}).code, 0);
  EXPECT_EQ(bytes_of(directory() / "unreadable.tsv"), listed);
}

TEST_F(BadInput, EachStageSaysThatImagesAreUnreadable) {
  write_test_images(images(), 2);
  write_truncated_jpeg("broken.jpg");
  std::size_t stages = 0;
  for (const char* stage : {"extract", "segment", "describe", "cluster", "mask", "evaluate", "report"}) {
    const Outcome outcome = run_command(stage);
    EXPECT_EQ(outcome.code, 4) << stage << ": " << outcome;
    const auto summary = nlohmann::json::parse(bytes_of(directory() / "summary.json"));
    EXPECT_EQ(summary["command"], stage);
    EXPECT_EQ(summary["exit_code"], 4) << stage;
    EXPECT_EQ(summary["unreadable"], 1) << stage;
    EXPECT_EQ(summary["stages"].size(), ++stages) << stage;
  }
}

TEST_F(BadInput, AllImagesUnreadable) {
  for (const char* name : {"a.jpg", "b.jpg", "c.jpg"}) write_truncated_jpeg(name);
  const Outcome outcome = run({}, three_ranks);
  expect_refusal(outcome, 3, {"a.jpg"});
  expect_nothing_in({"clusters", "masks", "scores", "report"});
}

TEST_F(BadInput, NoImages) {
  fs::create_directories(images());
  expect_refusal(run(), 3, {images().string()});
  fs::remove(images());
  expect_refusal(run(), 3, {images().string()});
  EXPECT_FALSE(fs::exists(directory()));
}

TEST_F(BadInput, MoreClustersThanSegments) {
  write_test_images(images(), 2);
  const Outcome outcome = run({"--set", "cluster.k=[3, 33]"}, three_ranks);
  expect_refusal(outcome, 3, {"cluster.k", "33", "32 segments"});
  expect_nothing_in({"clusters", "masks", "scores", "report"});
}

TEST_F(BadInput, NoValidSegment) {
  write_test_images(images(), 2);
  const Outcome outcome = run({"--set", "segment.method=louvain", "--set", "segment.min_patches=16"});
  expect_refusal(outcome, 3, {"affinity.center"});
  expect_nothing_in({"clusters", "masks", "scores", "report"});
}

TEST_F(BadInput, WeightsThatAreNone) {
  write_test_images(images(), 2);
  const fs::path weights = folder() / "weights.pth";
  write_bytes(weights, "these are no weights");
  expect_refusal(run({"--set", "model.weights=" + weights.string()}), 3, {"weights.pth"});
  expect_nothing_in(all_parts);
  fs::remove(weights);
  expect_refusal(run({"--set", "model.weights=" + weights.string()}), 3, {"weights.pth"});
}

/// The golden weights with the shape of one tensor turned around: as many numbers as before.
std::string with_turned_shape(const std::string& bytes, const std::string& tensor) {
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  auto header = nlohmann::json::parse(bytes.substr(8, size));
  auto& shape = header.at(tensor).at("shape");
  std::reverse(shape.begin(), shape.end());
  const std::string text = header.dump();
  const std::uint64_t new_size = text.size();
  std::string result(sizeof new_size, '\0');
  std::memcpy(result.data(), &new_size, sizeof new_size);
  return result + text + bytes.substr(8 + size);
}

TEST_F(BadInput, WeightsWhoseTensorsDoNotFit) {
  write_test_images(images(), 2);
  const fs::path weights = folder() / "turned.safetensors";
  const std::string tensor = "blocks.1.mlp.fc1.weight";
  write_bytes(weights, with_turned_shape(bytes_of(tiny_weights()), tensor));
  expect_refusal(run({"--set", "model.weights=" + weights.string()}, three_ranks), 3,
                 {"turned.safetensors", tensor, "[32, 128]"});
  expect_nothing_in(all_parts);
}

TEST_F(BadInput, AnInputSizeThatIsNoMultipleOfThePatch) {
  write_test_images(images(), 1);
  expect_refusal(run({"--set", "model.input_size=36"}), 2, {"model.input_size", "36", "8"});
  expect_nothing_in(all_parts);
}

TEST_F(BadInput, GroundTruthOfOtherImages) {
  write_test_images(images(), 3);
  fs::create_directories(folder() / "truth");
  write_palette_png(folder() / "truth" / "z.png", std::vector<std::uint8_t>(4, 0), 2, 2, {});
  const Arguments with_truth = {"--set", "dataset.kind=index_png", "--set",
                                "dataset.truth=" + (folder() / "truth").string()};
  expect_refusal(run(with_truth, three_ranks), 3, {"a.png", (folder() / "truth").string()});
  EXPECT_FALSE(fs::exists(directory()));
}

TEST_F(BadInput, OtherImagesThanTheRunWasStartedWith) {
  write_test_images(images(), 3);
  ASSERT_EQ(run().code, 0);
  const std::string list = bytes_of(directory() / "images.h5");
  for (const char* name : {"b.png", "c.png"}) write_png(images() / name, test_image(9, 9, 1));
  expect_refusal(run(), 3, {directory().string(), "2 of 3 are not as they were: b.png had ", "9x9"});
  fs::remove(images() / "b.png");
  expect_refusal(run({}, three_ranks), 3, {"2 of 3 are not as they were: b.png is no longer there"});
  EXPECT_EQ(bytes_of(directory() / "images.h5"), list);
}

}  // namespace bad_input_test
}  // namespace datus::test
