#include "datus/pipeline/calibration.hpp"

#include "datus/comm/self_communicator.hpp"
#include "datus/comm/thread_communicator.hpp"
#include "datus/core/error.hpp"
#include "pipeline/calibration_images.hpp"
#include "pipeline/calibration_kmeans.hpp"
#include "pipeline/calibration_scratch.hpp"
#include "pipeline/peak_memory.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace datus::test {
namespace calibration_test {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Every value another one.
Calibration sample_calibration() {
  Calibration calibration;
  RunInputs inputs;
  inputs.weights = Hash{1, 2};
  calibration.subject = calibration_subject(Config(), inputs);
  calibration.machine = {
      .cpu = "A processor", .torch_backend = "cpu, AVX2", .ranks = 8, .ranks_per_node = 4, .threads_per_rank = 16};
  calibration.shape = {.grid = {28, 28}, .dim = 384, .descriptor_dim = 768};
  calibration.image_list = "abc";
  calibration.listed_images = 1000;
  calibration.measured_images = 64;
  calibration.has_truth = true;
  calibration.seconds = 59.5;
  double number = 0.1;
  for (const auto& [name, member, agreement] : calibration_values()) calibration.values.*member = number += 1.0 / 3;
  return calibration;
}

class CalibrationFile : public testing::Test {
 protected:
  [[nodiscard]] fs::path path() const { return folder_ / "run.calibration.json"; }
  void write(const std::string& text) const { write_bytes(path(), text); }
  [[nodiscard]] std::string error() const {
    try {
      (void)read_calibration(path());
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(path().string()), std::string::npos) << error.what();
      return error.what();
    }
    return "no error";
  }
  void expect_error(const std::string& part) const {
    const std::string text = error();
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find("--calibrate"), std::string::npos) << text;
  }

 private:
  TempFolder folder_;
};

TEST_F(CalibrationFile, IsReadAsItWasWritten) {
  const Calibration written = sample_calibration();
  write(calibration_text(written));
  const Calibration read = read_calibration(path());
  EXPECT_EQ(read.subject, written.subject);
  EXPECT_EQ(read.machine, written.machine);
  EXPECT_EQ(read.shape.grid, written.shape.grid);
  EXPECT_EQ(read.shape.dim, 384);
  EXPECT_EQ(read.shape.descriptor_dim, 768);
  EXPECT_EQ(read.image_list, "abc");
  EXPECT_EQ(read.listed_images, 1000);
  EXPECT_EQ(read.measured_images, 64);
  EXPECT_TRUE(read.has_truth);
  EXPECT_EQ(read.values, written.values);
}

TEST_F(CalibrationFile, HoldsEveryMemberOnce) {
  // As many doubles as the struct has: none was forgotten in the table.
  EXPECT_EQ(calibration_values().size() * sizeof(double), sizeof(CalibrationValues));
  std::set<std::string> names;
  const CalibrationValues values = sample_calibration().values;
  std::set<double> different;
  for (const auto& [name, member, agreement] : calibration_values()) {
    names.insert(name);
    different.insert(values.*member);
    const std::string text = name;
    EXPECT_TRUE(text.find("seconds") != std::string::npos || text.find("bytes") != std::string::npos ||
                text == "segments_per_image" || text == "kmeans_quality_passes")
        << text << " has no unit";
  }
  EXPECT_EQ(names.size(), calibration_values().size());
  EXPECT_EQ(different.size(), calibration_values().size());
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
  changed([](Json& json) { json["schema"] = 99; });
  expect_error("schema");
  changed([](Json& json) { json["values"].erase("forward_thread_seconds_per_image"); });
  expect_error("values.forward_thread_seconds_per_image is missing");
  changed([](Json& json) { json["values"]["file_open_seconds"] = "fast"; });
  expect_error("values.file_open_seconds is not a number");
  changed([](Json& json) { json["values"]["file_open_seconds"] = -1; });
  expect_error("values.file_open_seconds is below 0");
  changed([](Json& json) { json["values"]["write_bytes_per_second"] = 0; });
  expect_error("values.write_bytes_per_second is 0");
  changed([](Json& json) { json["hardware"]["threads_per_rank"] = 0; });
  expect_error("threads_per_rank is 0");
  changed([](Json& json) { json["hardware"].erase("cpu"); });
  expect_error("cpu");
  changed([](Json& json) { json["subject"]["model.layer"] = 3; });
  expect_error("not a calibration");
}

TEST(CalibrationSubject, IsWhatTimeDependsOn) {
  const auto subject = calibration_subject(Config(), {});
  for (const char* field : {"model.weights", "descriptor.weights", "model.input_size", "model.feature", "model.layer",
                            "affinity.weights", "segment.method", "descriptor.kind", "mask.resolution"}) {
    EXPECT_TRUE(subject.contains(field)) << field;
  }
  Config config;
  config.cluster.k = {3, 4};
  config.cluster.restarts = 5;
  config.dataset.shard_size = 7;
  config.storage.embeddings = StorageConfig::Embeddings::none;
  config.model.batch_size = 3;
  EXPECT_EQ(calibration_subject(config, {}), subject) << "what the cost is computed from";
}

TEST(CalibrationSubject, OfAnotherModelIsRefusedByField) {
  const Calibration calibration = sample_calibration();
  RunInputs inputs;
  inputs.weights = Hash{1, 2};
  Config config;
  EXPECT_NO_THROW(require_calibration_of(calibration, calibration_subject(config, inputs), "c.json"));
  const auto refusal = [&] {
    try {
      require_calibration_of(calibration, calibration_subject(config, inputs), "c.json");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  config.model.input_size = {448, 448};
  config.descriptor.kind = DescriptorConfig::Kind::masked_cls;
  EXPECT_NE(refusal().find("model.input_size: 224 there, 448 here"), std::string::npos) << refusal();
  EXPECT_NE(refusal().find("descriptor.kind: masked_crop there, masked_cls here"), std::string::npos) << refusal();
  config = Config();
  inputs.weights = Hash{1, 3};
  EXPECT_NE(refusal().find("model.weights: " + Hash{1, 2}.hex() + " there, "), std::string::npos) << refusal();
}

TEST(DefaultCalibrationFile, IsBesideTheRun) {
  Config config;
  for (const char* directory : {"runs/a", "runs/a/", "runs/b/../a"}) {
    config.run.directory = directory;
    EXPECT_EQ(default_calibration_file(config), "runs/a.calibration.json");
  }
  config.run.directory = "/data/coco.v2";
  EXPECT_EQ(default_calibration_file(config), "/data/coco.v2.calibration.json");
}

TEST(SpreadOrder, HasEachOnceAndIsEven) {
  for (const std::int64_t total : {1, 2, 3, 10, 82, 100, 1000, 123'287}) {
    const auto order = spread_order(total, 5, total);
    const std::set<std::int64_t> unique(order.begin(), order.end());
    EXPECT_EQ(std::ssize(unique), total);
    EXPECT_EQ(*unique.begin(), 0);
    EXPECT_EQ(*unique.rbegin(), total - 1);
  }
  // Any ten neighbours of a thousand: no two nearer than a fifth of an even distance, no gap above three of them.
  for (const std::int64_t first : {0, 17, 995}) {
    auto some = spread_order(1000, first, 10);
    std::ranges::sort(some);
    for (std::size_t i = 1; i < some.size(); ++i) {
      EXPECT_GE(some[i] - some[i - 1], 20);
      EXPECT_LE(some[i] - some[i - 1], 300);
    }
  }
}

TEST(PeakMemory, CountsWhatWasUsedMeanwhile) {
  constexpr std::int64_t bytes = std::int64_t{64} << 20U;
  const PeakMemory memory;
  EXPECT_LT(memory.growth(), bytes / 4);
  {
    std::vector<char> block(static_cast<std::size_t>(bytes), 'x');
    EXPECT_EQ(block[block.size() / 2], 'x');
  }
  EXPECT_GE(memory.growth(), bytes * 9 / 10);  // it is gone again, the peak stays
  EXPECT_LE(memory.growth(), bytes * 8);       // a sanitizer keeps books of each byte
  EXPECT_LT(PeakMemory().growth(), bytes / 4);
}

TEST(CalibrationScratch, IsBesideTheRunAndGoesWithAllThatIsInIt) {
  const TempFolder folder;
  run_on_threads(3, [&](Communicator& comm) {
    {
      const CalibrationScratch scratch(folder / "runs" / "a", "tag", comm);
      EXPECT_EQ(scratch.folder().parent_path().parent_path(), folder / "runs");
      write_bytes(scratch.folder() / "below" / "file", "bytes");
      comm.barrier();
      EXPECT_FALSE(fs::exists(folder / "runs" / "a"));
    }
    comm.barrier();
  });
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CalibrationScratch, LeavesWhatWasThere) {
  const TempFolder folder;
  SelfCommunicator comm;
  write_bytes(folder / "runs" / "a" / "config.yaml", "x");
  { const CalibrationScratch scratch(folder / "runs" / "a", "tag", comm); }
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"runs/a/config.yaml"});
  // Made by itself, but something was put there.
  {
    const CalibrationScratch scratch(folder / "more" / "runs" / "a", "tag", comm);
    write_bytes(folder / "more" / "result", "x");
  }
  EXPECT_EQ(files_below(folder / "more"), std::vector<std::string>{"result"});
  EXPECT_FALSE(fs::exists(folder / "more" / "runs"));
}

TEST(CalibrationScratch, WithoutAPlaceIsAnErrorOnAllRanks) {
  const TempFolder folder;
  write_bytes(folder / "file", "x");
  run_on_threads(2, [&](Communicator& comm) {
    EXPECT_THROW(CalibrationScratch(folder / "file" / "run", "tag", comm), AgreedError);
  });
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"file"});
}

// Times differ; that all values are there and make sense does not.
TEST(MeasureKmeans, FillsInItsValues) {
  run_on_threads(2, [](Communicator& comm) {
    CalibrationValues values;
    measure_kmeans(64, 1, 0.1, comm, values);
    EXPECT_GT(values.kmeans_thread_seconds_per_row + values.kmeans_thread_seconds_per_row_and_cluster, 0);
    EXPECT_GT(values.kmeans_quality_passes, 0);
    EXPECT_GT(values.allreduce_step_seconds, 0);
    for (const auto& [name, member, agreement] : calibration_values()) {
      EXPECT_TRUE(std::isfinite(values.*member) && values.*member >= 0) << name;
    }
  });
}

}  // namespace calibration_test
}  // namespace datus::test
