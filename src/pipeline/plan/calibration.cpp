#include "pipeline/plan/calibration.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <sstream>

#include <nlohmann/json.hpp>

namespace datus {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CalibratedSample, backend, has_gpus, ranks, ranks_per_node, threads_per_rank,
                                   grid_rows, grid_cols, embedding_width, descriptor_width, image_list, listed_images,
                                   measured_images, shard_size, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CalibrationValues, start_seconds, weights_load_seconds, shard_files_seconds,
                                   segments_per_image, decode_thread_seconds_per_image,
                                   extract_thread_seconds_per_image, segment_thread_seconds_per_image,
                                   describe_thread_seconds_per_image, mask_thread_seconds_per_image,
                                   evaluate_thread_seconds_per_image, report_thread_seconds_per_picture,
                                   mask_bytes_per_image, report_bytes_per_picture, kmeans_start_thread_seconds,
                                   kmeans_iteration_thread_seconds, kmeans_quality_thread_seconds, kmeans_iterations,
                                   cluster_seconds, process_memory_bytes, model_memory_bytes, shard_memory_bytes,
                                   shard_memory_bytes_per_image, image_memory_bytes)

namespace {

constexpr int schema_version = 2;

/// What the cost is computed from, for any value; and what only changes the bits of a result.
bool may_differ(const std::string& setting) {
  return setting.starts_with("dataset.shard_size: ") || setting.starts_with("storage.embeddings: ") ||
         setting.starts_with("model.batch_size: ");
}

constexpr const char* how_to_make_one =
    "Make one on the machine that will do the work: datus plan CONFIG --calibrate [--calibration FILE].";

[[noreturn]] void throw_unusable(const std::filesystem::path& path, const std::string& why) {
  throw InputError(path.string() + " is not a calibration of this version", why, how_to_make_one);
}

/// What is counted is above 0, what is measured not below.
void require_numbers(const Json& json, const std::filesystem::path& path) {
  for (const auto& [name, value] : json.at("sample").items()) {
    if (value.is_number() && name != "seconds" && !(value >= 1 && value <= 1'000'000'000)) {
      throw_unusable(path, name + " is " + value.dump());
    }
  }
  for (const auto& [name, value] : json.at("values").items()) {
    if (!value.is_number()) throw_unusable(path, "values." + name + " is not a number");
    if (!(value.get<double>() >= 0)) throw_unusable(path, "values." + name + " is below 0");
  }
}

}  // namespace

std::map<std::string, std::string> calibration_subject(const Config& config, const RunInputs& inputs) {
  const auto hash_text = [](const std::optional<Hash>& hash) { return hash ? hash->hex() : std::string("none"); };
  std::string settings;
  for (const Stage stage : {Stage::extract, Stage::segment, Stage::describe, Stage::mask}) {
    std::istringstream lines(settings_text(config, stage));
    for (std::string line; std::getline(lines, line);) settings += may_differ(line) ? "" : line + "\n";
  }
  return {{"weights", hash_text(inputs.weights)},
          {"descriptor weights", hash_text(inputs.descriptor_weights)},
          {"settings", settings}};
}

std::filesystem::path default_calibration_file(const Config& config) {
  std::filesystem::path directory = config.run.directory.lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  directory += ".calibration.json";
  return directory;
}

std::string calibration_text(const Calibration& calibration) {
  const Json json = {{"schema", schema_version},
                     {"sample", calibration.sample},
                     {"subject", calibration.subject},
                     {"values", calibration.values}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Calibration read_calibration(const std::filesystem::path& path) {
  const auto text = text_of_file(path);
  if (!text) {
    throw InputError("There is no calibration " + path.string(), "no such file, or it cannot be read", how_to_make_one);
  }
  try {
    const Json json = Json::parse(*text);
    if (json.at("schema") != schema_version) throw_unusable(path, "its schema is another one");
    require_numbers(json, path);
    return {.subject = json.at("subject"), .sample = json.at("sample"), .values = json.at("values")};
  } catch (const Json::exception& error) {
    throw_unusable(path, error.what());
  }
}

void require_calibration_of(const Calibration& calibration, const std::map<std::string, std::string>& subject,
                            const std::filesystem::path& path) {
  if (calibration.subject == subject) return;
  throw InputError(path.string() + " is the calibration of something else",
                   describe_difference(calibration.subject, {.stage = {}, .parts = subject}), how_to_make_one);
}

}  // namespace datus
