// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/calibration.hpp"

#include "datus/core/error.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/plan/sample_run.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"
#include "support/thread_communicator.hpp"

#include <filesystem>
#include <functional>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datus::test {
namespace calibration_test {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Every value another one.
Calibration sample_calibration() {
  RunInputs inputs;
  inputs.weights = Hash{1, 2};
  return {.subject = calibration_subject(Config(), inputs),
          .backend = "cpu, AVX2",
          .has_gpus = true,
          .ranks = 8,
          .ranks_per_node = 4,
          .threads_per_rank = 16,
          .image_list = "abc",
          .listed_images = 1000,
          .measured_images = 64,
          .shard_size = 32,
          .grid_rows = 28,
          .grid_cols = 29,
          .embedding_width = 384,
          .descriptor_width = 768,
          .gpu_weights_16_bit = 26'000'000,
          .gpu_weights_32_bit = 21'000'000,
          .gpu_values_per_image = 2'500'000,
          .seconds = 59.5,
          .start_seconds = 1.5,
          .decode_thread_seconds_per_image = 0.1,
          .extract_thread_seconds_per_image = 1.0 / 3,
          .segment_thread_seconds_per_image = 0.2,
          .describe_thread_seconds_per_image = 0.3,
          .mask_thread_seconds_per_image = 0.4,
          .evaluate_thread_seconds_per_image = 0.5,
          .report_thread_seconds_per_picture = 0.6,
          .kmeans_iteration_thread_seconds = 1e-9,
          .kmeans_rest_thread_seconds = 1e-8,
          .cluster_seconds = 0.7,
          .segments_per_image = 5,
          .mask_bytes_share = 0.8,
          .report_bytes_share = 0.9,
          .process_memory_bytes = 1e8,
          .shard_memory_bytes = 2e8,
          .image_memory_bytes = 3e8};
}

class CalibrationFile : public testing::Test {
 protected:
  [[nodiscard]] fs::path path() const { return folder_ / "run.calibration.json"; }
  void write(const std::string& text) const { write_bytes(path(), text); }
  void expect_error(const std::string& part) const {
    test::expect_error<InputError>([&] { (void)read_calibration(path(), sample_calibration().subject); },
                                   {path().string(), part, "--calibrate"});
  }

 private:
  TempFolder folder_;
};

TEST_F(CalibrationFile, IsReadAsItWasWritten) {
  const Calibration written = sample_calibration();
  write(calibration_text(written));
  EXPECT_EQ(read_calibration(path(), written.subject), written);
}

TEST_F(CalibrationFile, HoldsEachValueUnderANameWithItsUnit) {
  const Json json = Json::parse(calibration_text(sample_calibration()));
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number_float()) continue;
    EXPECT_TRUE(name.find("seconds") != std::string::npos || name.find("bytes") != std::string::npos ||
                name == "segments_per_image")
        << name;
  }
}

TEST_F(CalibrationFile, MissingSaysHowToMakeOne) {
  expect_error("There is no calibration");
}

TEST_F(CalibrationFile, DamagedNamesWhatIsWrong) {
  const auto changed = [&](const std::function<void(Json&)>& change) {
    Json json = Json::parse(calibration_text(sample_calibration()));
    change(json);
    write(json.dump());
  };
  write("");
  expect_error("not a calibration");
  write("[1, 2]");
  expect_error("not a calibration");
  changed([](Json& json) { json["schema"] = 1; });
  expect_error("schema");
  changed([](Json& json) { json.erase("extract_thread_seconds_per_image"); });
  expect_error("extract_thread_seconds_per_image");
  changed([](Json& json) { json["start_seconds"] = "fast"; });
  expect_error("start_seconds");
  changed([](Json& json) { json["start_seconds"] = -1.0; });
  expect_error("start_seconds is -1.0");
  changed([](Json& json) { json["threads_per_rank"] = 0; });
  expect_error("threads_per_rank is 0");
  changed([](Json& json) { json["threads_per_rank"] = 0.5; });
  expect_error("threads_per_rank is 0.5");
  changed([](Json& json) { json.erase("backend"); });
  expect_error("backend");
  changed([](Json& json) { json["subject"]["settings"] = 3; });
  expect_error("not a calibration");
}

TEST(CalibrationSubject, IsWhatTimeDependsOn) {
  Config config;
  const auto subject = calibration_subject(config, {});
  Config other = config;
  other.cluster.k = {5};
  other.dataset.shard_size = 3;
  other.model.batch_size = 7;
  other.storage.embeddings = StorageConfig::Embeddings::none;
  EXPECT_EQ(calibration_subject(other, {}), subject);
  other.model.input_size = {224, 64};
  other.segment.min_patches = 77;
  RunInputs inputs;
  inputs.weights = Hash{1, 2};
  const TempFolder folder;
  const fs::path path = folder / "c.json";
  Calibration calibration = sample_calibration();
  calibration.subject = subject;
  write_bytes(path, calibration_text(calibration));
  EXPECT_EQ(read_calibration(path, subject), calibration);
  expect_error<InputError>([&] { (void)read_calibration(path, calibration_subject(other, inputs)); },
                           {"c.json is the calibration of something else", "other weights",
                            "model.input_size: ", "segment.min_patches: ", " became 77", "--calibrate"});
}

TEST(CalibrationPlace, IsBesideTheRun) {
  for (const char* run : {"runs/a", "runs/a/", "runs/./a"}) {
    EXPECT_EQ(RunDirectory(run).calibration(), "runs/a.calibration.json");
  }
}

TEST(SampleOfARun, IsAllOfASmallOneInShardsOfItsOwn) {
  // 82 images on two ranks, 41 each: 50 rounds of two threads are more. A third of 41, in whole rounds of two.
  EXPECT_EQ(sample_size(82, 64, 2, 2, 50), (std::pair<std::int64_t, int>{82, 12}));
  EXPECT_EQ(sample_size(82, 8, 2, 2, 50), (std::pair<std::int64_t, int>{82, 8}));
}

TEST(SampleOfARun, HasThreeShardsOrMore) {
  // 100 images of a rank are more than three shards of 32; on four ranks.
  EXPECT_EQ(sample_size(100'000, 32, 4, 2, 50), (std::pair<std::int64_t, int>{400, 32}));
  // 50 images of a rank: three shards of 16.
  EXPECT_EQ(sample_size(100'000, 64, 4, 2, 25), (std::pair<std::int64_t, int>{200, 16}));
  // Whole rounds of 8 threads.
  EXPECT_EQ(sample_size(100'000, 64, 1, 8, 10), (std::pair<std::int64_t, int>{80, 24}));
  // At the least an image for each thread.
  EXPECT_EQ(sample_size(100'000, 64, 2, 8, 1), (std::pair<std::int64_t, int>{16, 8}));
  EXPECT_EQ(sample_size(5, 64, 4, 1, 1), (std::pair<std::int64_t, int>{4, 1}));
  EXPECT_EQ(sample_size(1, 64, 1, 8, 1), (std::pair<std::int64_t, int>{1, 1}));
  // There is an end to it.
  EXPECT_EQ(sample_size(100'000, 64, 2, 64, 1e9), (std::pair<std::int64_t, int>{2048, 64}));
}

}  // namespace calibration_test
}  // namespace datus::test
