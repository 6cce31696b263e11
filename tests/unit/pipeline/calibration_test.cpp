#include "pipeline/plan/calibration.hpp"

#include "datus/core/error.hpp"
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
  Calibration calibration;
  calibration.subject = calibration_subject(Config(), inputs);
  calibration.sample = {.backend = "cpu, AVX2",
                        .has_gpus = true,
                        .ranks = 8,
                        .ranks_per_node = 4,
                        .threads_per_rank = 16,
                        .grid_rows = 28,
                        .grid_cols = 29,
                        .embedding_width = 384,
                        .descriptor_width = 768,
                        .image_list = "abc",
                        .listed_images = 1000,
                        .measured_images = 64,
                        .shard_size = 32,
                        .seconds = 59.5};
  // A struct of doubles alone.
  auto* const values = reinterpret_cast<double*>(&calibration.values);
  for (std::size_t i = 0; i < sizeof(CalibrationValues) / sizeof(double); ++i) {
    values[i] = 0.1 + static_cast<double>(i) / 3;  // NOLINT(cppcoreguidelines-pro-bounds-pointer-arithmetic)
  }
  return calibration;
}

class CalibrationFile : public testing::Test {
 protected:
  [[nodiscard]] fs::path path() const { return folder_ / "run.calibration.json"; }
  void write(const std::string& text) const { write_bytes(path(), text); }
  void expect_error(const std::string& part) const {
    test::expect_error<InputError>([&] { (void)read_calibration(path()); }, {path().string(), part, "--calibrate"});
  }

 private:
  TempFolder folder_;
};

TEST_F(CalibrationFile, IsReadAsItWasWritten) {
  const Calibration written = sample_calibration();
  write(calibration_text(written));
  const Calibration read = read_calibration(path());
  EXPECT_EQ(read.subject, written.subject);
  EXPECT_EQ(read.sample, written.sample);
  EXPECT_EQ(read.values, written.values);
}

TEST_F(CalibrationFile, HoldsEveryMemberOnce) {
  const Json json = Json::parse(calibration_text(sample_calibration()));
  EXPECT_EQ(json["values"].size() * sizeof(double), sizeof(CalibrationValues));
  for (const auto& [name, value] : json["values"].items()) {
    const bool has_unit = name.find("seconds") != std::string::npos || name.find("bytes") != std::string::npos;
    EXPECT_TRUE(has_unit || name == "segments_per_image" || name == "kmeans_iterations") << name;
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
  changed([](Json& json) { json["values"].erase("extract_thread_seconds_per_image"); });
  expect_error("extract_thread_seconds_per_image");
  changed([](Json& json) { json["values"]["start_seconds"] = "fast"; });
  expect_error("values.start_seconds is not a number");
  changed([](Json& json) { json["values"]["start_seconds"] = -1; });
  expect_error("values.start_seconds is below 0");
  changed([](Json& json) { json["sample"]["threads_per_rank"] = 0; });
  expect_error("threads_per_rank is 0");
  changed([](Json& json) { json["sample"]["threads_per_rank"] = 0.5; });
  expect_error("threads_per_rank is 0.5");
  changed([](Json& json) { json["sample"].erase("backend"); });
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
  Calibration calibration;
  calibration.subject = subject;
  require_calibration_of(calibration, subject, "c.json");
  other.model.input_size = {224, 64};
  other.segment.min_patches = 77;
  RunInputs inputs;
  inputs.weights = Hash{1, 2};
  expect_error<InputError>([&] { require_calibration_of(calibration, calibration_subject(other, inputs), "c.json"); },
                           {"c.json is the calibration of something else", "other weights",
                            "model.input_size: ", "segment.min_patches: ", " became 77", "--calibrate"});
}

TEST(CalibrationFolder, IsBesideTheRun) {
  Config config;
  config.run.directory = "runs/a/";
  EXPECT_EQ(default_calibration_file(config), "runs/a.calibration.json");
}

TEST(SampleOfARun, IsAllOfASmallOne) {
  // 82 images on two ranks, 41 each: 50 rounds of two threads are more. Both ranks get a shard.
  EXPECT_EQ(sample_size(82, 64, 2, 2, 50), (SampleSize{82, 41}));
  EXPECT_EQ(sample_size(82, 8, 2, 2, 50), (SampleSize{82, 8}));
}

TEST(SampleOfARun, HasWholeShardsOfThreeOrMore) {
  // 100 images of a rank are three shards of 32; on four ranks.
  EXPECT_EQ(sample_size(100'000, 32, 4, 2, 50), (SampleSize{384, 32}));
}

TEST(SampleOfARun, HasSmallerShardsWhereThereIsNoTime) {
  // 50 images of a rank: three shards of 16.
  EXPECT_EQ(sample_size(100'000, 64, 4, 2, 25), (SampleSize{192, 16}));
  // Whole rounds of 8 threads: 80 images are three shards of 24.
  EXPECT_EQ(sample_size(100'000, 64, 1, 8, 10), (SampleSize{72, 24}));
  // At the least an image for each thread.
  EXPECT_EQ(sample_size(100'000, 64, 2, 8, 0.01), (SampleSize{16, 8}));
  EXPECT_EQ(sample_size(5, 64, 4, 1, 0.01), (SampleSize{4, 1}));
  // There is an end to it.
  EXPECT_EQ(sample_size(100'000, 64, 2, 64, 1e9), (SampleSize{2048, 64}));
}

}  // namespace calibration_test
}  // namespace datus::test
