#include "datus/pipeline/calibration.hpp"

#include "datus/core/error.hpp"
#include "datus/core/text.hpp"

#include <cmath>
#include <set>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;
using V = CalibrationValues;

constexpr int schema_version = 1;

constexpr std::array values_in_file = {
    CalibrationValue{"process_start_seconds", &V::process_start_seconds},
    CalibrationValue{"list_seconds_per_image", &V::list_seconds_per_image},
    CalibrationValue{"header_thread_seconds_per_image", &V::header_thread_seconds_per_image},
    CalibrationValue{"weights_hash_seconds", &V::weights_hash_seconds},
    CalibrationValue{"weights_load_seconds", &V::weights_load_seconds},
    CalibrationValue{"segments_per_image", &V::segments_per_image, Agreement::mean},
    CalibrationValue{"decode_thread_seconds_per_megapixel", &V::decode_thread_seconds_per_megapixel},
    CalibrationValue{"forward_thread_seconds_per_image", &V::forward_thread_seconds_per_image},
    CalibrationValue{"segment_thread_seconds_per_image", &V::segment_thread_seconds_per_image},
    CalibrationValue{"describe_thread_seconds_per_image", &V::describe_thread_seconds_per_image},
    CalibrationValue{"describe_thread_seconds_per_segment", &V::describe_thread_seconds_per_segment},
    CalibrationValue{"crop_thread_seconds_per_segment", &V::crop_thread_seconds_per_segment},
    CalibrationValue{"file_write_seconds", &V::file_write_seconds},
    CalibrationValue{"write_bytes_per_second", &V::write_bytes_per_second, Agreement::smallest},
    CalibrationValue{"file_open_seconds", &V::file_open_seconds},
    CalibrationValue{"read_bytes_per_second", &V::read_bytes_per_second, Agreement::smallest},
    CalibrationValue{"kmeans_pass_seconds", &V::kmeans_pass_seconds},
    CalibrationValue{"kmeans_pass_seconds_per_centroid_value", &V::kmeans_pass_seconds_per_centroid_value},
    CalibrationValue{"kmeans_thread_seconds_per_row", &V::kmeans_thread_seconds_per_row},
    CalibrationValue{"kmeans_thread_seconds_per_row_and_cluster", &V::kmeans_thread_seconds_per_row_and_cluster},
    CalibrationValue{"kmeans_summary_thread_seconds_per_row", &V::kmeans_summary_thread_seconds_per_row},
    CalibrationValue{"kmeans_plus_plus_thread_seconds_per_row", &V::kmeans_plus_plus_thread_seconds_per_row},
    CalibrationValue{"kmeans_parallel_thread_seconds_per_row", &V::kmeans_parallel_thread_seconds_per_row},
    CalibrationValue{"kmeans_quality_passes", &V::kmeans_quality_passes},
    CalibrationValue{"allreduce_step_seconds", &V::allreduce_step_seconds},
    CalibrationValue{"allreduce_seconds_per_byte", &V::allreduce_seconds_per_byte},
    CalibrationValue{"mask_thread_seconds_per_image", &V::mask_thread_seconds_per_image},
    CalibrationValue{"mask_and_preview_thread_seconds_per_image", &V::mask_and_preview_thread_seconds_per_image},
    CalibrationValue{"evaluate_thread_seconds_per_megapixel", &V::evaluate_thread_seconds_per_megapixel},
    CalibrationValue{"report_thread_seconds_per_picture", &V::report_thread_seconds_per_picture},
    CalibrationValue{"mask_bytes_per_image", &V::mask_bytes_per_image, Agreement::mean},
    CalibrationValue{"mask_and_preview_bytes_per_image", &V::mask_and_preview_bytes_per_image, Agreement::mean},
    CalibrationValue{"report_bytes_per_picture", &V::report_bytes_per_picture, Agreement::mean},
    CalibrationValue{"process_memory_bytes", &V::process_memory_bytes},
    CalibrationValue{"model_memory_bytes", &V::model_memory_bytes},
    CalibrationValue{"forward_memory_bytes_per_thread", &V::forward_memory_bytes_per_thread},
    CalibrationValue{"describe_memory_bytes_per_thread", &V::describe_memory_bytes_per_thread},
    CalibrationValue{"mask_memory_bytes_per_thread", &V::mask_memory_bytes_per_thread},
    CalibrationValue{"evaluate_memory_bytes_per_thread", &V::evaluate_memory_bytes_per_thread},
    CalibrationValue{"report_memory_bytes_per_thread", &V::report_memory_bytes_per_thread},
};

/// What the cost is computed from, for any value; and what only changes the bits of a result.
const std::set<std::string> settings_that_may_differ = {"dataset.shard_size", "storage.embeddings", "model.batch_size"};

void add_settings(const Config& config, Stage stage, std::map<std::string, std::string>& subject) {
  std::istringstream lines(settings_text(config, stage));
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos || settings_that_may_differ.contains(line.substr(0, colon))) continue;
    subject[line.substr(0, colon)] = line.substr(colon + 2);
  }
}

constexpr const char* how_to_make_one =
    "Make one on the machine that will do the work: datus plan CONFIG --calibrate [--calibration FILE].";

[[noreturn]] void throw_unusable(const std::filesystem::path& path, const std::string& why) {
  throw InputError(path.string() + " is not a calibration of this version", why, how_to_make_one);
}

double value_in(const Json& values, const char* name, const std::filesystem::path& path) {
  const auto found = values.find(name);
  if (found == values.end()) throw_unusable(path, "values." + std::string(name) + " is missing");
  if (!found->is_number()) throw_unusable(path, "values." + std::string(name) + " is not a number");
  const auto value = found->get<double>();
  if (!std::isfinite(value) || value < 0) throw_unusable(path, "values." + std::string(name) + " is below 0");
  return value;
}

int count_in(const Json& object, const char* name, const std::filesystem::path& path) {
  const auto value = object.at(name).get<std::int64_t>();
  if (value < 1 || value > 1'000'000) throw_unusable(path, std::string(name) + " is " + std::to_string(value));
  return static_cast<int>(value);
}

Calibration parse(const Json& json, const std::filesystem::path& path) {
  if (json.at("schema").get<int>() != schema_version) throw_unusable(path, "its schema is another one");
  Calibration calibration;
  for (const auto& [name, value] : json.at("subject").items()) calibration.subject[name] = value.get<std::string>();
  const Json& machine = json.at("hardware");
  calibration.machine = {.cpu = machine.at("cpu").get<std::string>(),
                         .torch_backend = machine.at("torch_backend").get<std::string>(),
                         .ranks = count_in(machine, "ranks", path),
                         .ranks_per_node = count_in(machine, "ranks_per_node", path),
                         .threads_per_rank = count_in(machine, "threads_per_rank", path)};
  const Json& model = json.at("model");
  calibration.shape = {.grid = {count_in(model, "grid_rows", path), count_in(model, "grid_cols", path)},
                       .dim = count_in(model, "embedding_width", path),
                       .descriptor_dim = count_in(model, "descriptor_width", path)};
  const Json& sample = json.at("sample");
  calibration.image_list = sample.at("image_list").get<std::string>();
  calibration.listed_images = sample.at("listed_images").get<std::int64_t>();
  calibration.measured_images = sample.at("measured_images").get<std::int64_t>();
  calibration.has_truth = sample.at("has_truth").get<bool>();
  calibration.seconds = sample.at("seconds").get<double>();
  for (const auto& [name, member, agreement] : values_in_file) {
    calibration.values.*member = value_in(json.at("values"), name, path);
  }
  for (const char* rate : {"write_bytes_per_second", "read_bytes_per_second"}) {
    if (!(value_in(json.at("values"), rate, path) > 0)) throw_unusable(path, "values." + std::string(rate) + " is 0");
  }
  return calibration;
}

}  // namespace

std::span<const CalibrationValue> calibration_values() {
  return values_in_file;
}

std::map<std::string, std::string> calibration_subject(const Config& config, const RunInputs& inputs) {
  const auto hash_text = [](const std::optional<Hash>& hash) { return hash ? hash->hex() : std::string("none"); };
  std::map<std::string, std::string> subject = {{"model.weights", hash_text(inputs.weights)},
                                                {"descriptor.weights", hash_text(inputs.descriptor_weights)}};
  for (const Stage stage : {Stage::extract, Stage::segment, Stage::describe, Stage::mask}) {
    add_settings(config, stage, subject);
  }
  return subject;
}

std::filesystem::path default_calibration_file(const Config& config) {
  std::filesystem::path directory = config.run.directory.lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  directory += ".calibration.json";
  return directory;
}

std::string calibration_text(const Calibration& calibration) {
  Json json;
  json["schema"] = schema_version;
  json["hardware"] = {{"cpu", calibration.machine.cpu},
                      {"torch_backend", calibration.machine.torch_backend},
                      {"ranks", calibration.machine.ranks},
                      {"ranks_per_node", calibration.machine.ranks_per_node},
                      {"threads_per_rank", calibration.machine.threads_per_rank}};
  json["model"] = {{"grid_rows", calibration.shape.grid.rows},
                   {"grid_cols", calibration.shape.grid.cols},
                   {"embedding_width", calibration.shape.dim},
                   {"descriptor_width", calibration.shape.descriptor_dim}};
  json["sample"] = {{"image_list", calibration.image_list},
                    {"listed_images", calibration.listed_images},
                    {"measured_images", calibration.measured_images},
                    {"has_truth", calibration.has_truth},
                    {"seconds", calibration.seconds}};
  Json values = Json::object();
  for (const auto& [name, member, agreement] : values_in_file) values[name] = calibration.values.*member;
  json["values"] = std::move(values);
  json["subject"] = calibration.subject;
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Calibration read_calibration(const std::filesystem::path& path) {
  const auto text = text_of_file(path);
  if (!text) {
    throw InputError("There is no calibration " + path.string(), "no such file, or it cannot be read", how_to_make_one);
  }
  try {
    return parse(Json::parse(*text), path);
  } catch (const Json::exception& error) {
    throw_unusable(path, error.what());
  }
}

void require_calibration_of(const Calibration& calibration, const std::map<std::string, std::string>& subject,
                            const std::filesystem::path& path) {
  std::string difference;
  const auto add = [&](const std::string& phrase) { difference += (difference.empty() ? "" : "; ") + phrase; };
  for (const auto& [name, value] : subject) {
    const auto there = calibration.subject.find(name);
    if (there == calibration.subject.end()) {
      add(name + " is not in it");
    } else if (there->second != value) {
      add(name + ": " + there->second + " there, " + value + " here");
    }
  }
  if (difference.empty()) return;
  throw InputError(path.string() + " is the calibration of something else", difference, how_to_make_one);
}

}  // namespace datus
