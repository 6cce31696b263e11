// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan/calibration.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <sstream>

#include <nlohmann/json.hpp>

namespace datus {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Calibration, subject, backend, has_gpus, ranks, ranks_per_node, threads_per_rank,
                                   image_list, listed_images, measured_images, shard_size, grid_rows, grid_cols,
                                   embedding_width, descriptor_width, gpu_weights_16_bit, gpu_weights_32_bit,
                                   gpu_values_per_image, seconds, start_seconds, decode_thread_seconds_per_image,
                                   extract_thread_seconds_per_image, segment_thread_seconds_per_image,
                                   describe_thread_seconds_per_image, mask_thread_seconds_per_image,
                                   evaluate_thread_seconds_per_image, report_thread_seconds_per_picture,
                                   kmeans_iteration_thread_seconds, kmeans_rest_thread_seconds, cluster_seconds,
                                   segments_per_image, mask_bytes_share, report_bytes_share, process_memory_bytes,
                                   shard_memory_bytes, image_memory_bytes)

namespace {

constexpr int schema_version = 4;

/// What the cost is computed from, for any value; and what only changes the bits of a result.
bool may_differ(const std::string& setting) {
  const std::string name = setting.substr(0, setting.find(':'));
  return name == "dataset.shard_size" || name == "storage.embeddings" || name == "model.batch_size";
}

}  // namespace

CalibrationSubject calibration_subject(const Config& config, const RunInputs& inputs) {
  std::string settings;
  for (const Stage stage : {Stage::extract, Stage::segment, Stage::describe, Stage::mask}) {
    std::istringstream lines(settings_text(config, stage));
    for (std::string line; std::getline(lines, line);) settings += may_differ(line) ? "" : line + "\n";
  }
  return {{"weights", inputs.weights.value_or(Hash()).hex()},
          {"descriptor weights", inputs.descriptor_weights.value_or(Hash()).hex()},
          {"settings", settings}};
}

std::string calibration_text(const Calibration& calibration) {
  Json json = calibration;
  json["schema"] = schema_version;
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Calibration read_calibration(const std::filesystem::path& path, const CalibrationSubject& subject) {
  const auto refuse = [&](const std::string& problem, const std::string& why) {
    throw InputError(
        problem, why,
        "Make one on the machine that will do the work: datus plan CONFIG --calibrate [--calibration FILE].");
  };
  const auto text = text_of_file(path);
  if (!text) refuse("There is no calibration " + path.string(), "no such file, or it cannot be read");
  Calibration calibration;
  std::string problem;
  try {
    const Json json = Json::parse(*text);
    if (json.at("schema") != schema_version) problem = "its schema is another one";
    const Json usual = Calibration();
    for (const auto& [name, kind] : usual.items()) {
      // What is counted is above 0, what is measured not below.
      const Json& value = json.at(name);
      const bool is_count = kind.is_number_integer();
      const bool fits = !kind.is_number() || (value.is_number() && value >= (is_count ? 1 : 0) && value <= 1e18 &&
                                              is_count <= value.is_number_integer());
      if (!fits && problem.empty()) problem = name + " is " + value.dump();
    }
    if (problem.empty()) calibration = json;
  } catch (const Json::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) refuse(path.string() + " is not a calibration of this version", problem);
  if (calibration.subject != subject) {
    refuse(path.string() + " is the calibration of something else",
           describe_difference(calibration.subject, {.stage = {}, .parts = subject}));
  }
  return calibration;
}

}  // namespace datus
