// SPDX-License-Identifier: Apache-2.0
#include "pipeline/report/run_settings.hpp"

#include <filesystem>
#include <sstream>

namespace datus {

MethodSettings method_settings(const Config& config) {
  MethodSettings settings;
  for (const Stage stage : all_stages) {
    std::istringstream lines(settings_text(config, stage));
    for (std::string line; std::getline(lines, line);) {
      const auto colon = line.find(": ");
      const std::string key = line.substr(0, colon);
      const bool is_of_method =
          !key.starts_with("dataset.") && !key.starts_with("evaluate.") && key != "run.seed" && key != "cluster.k";
      if (is_of_method) settings[key] = line.substr(colon + 2);
    }
  }
  return settings;
}

std::string dataset_name(const DatasetConfig& dataset) {
  namespace fs = std::filesystem;
  const bool is_described = dataset.kind.description != nullptr;
  const fs::path images = dataset.images.value_or(fs::path());
  const fs::path path = is_described ? fs::path(dataset.kind.name) : images;
  std::string name = (path.has_filename() ? path : path.parent_path()).stem().string();
  if (dataset.split) name += " " + *dataset.split;
  if (dataset.label_map) name += " (" + dataset.label_map->stem().string() + ")";
  return name;
}

std::string backbone_name(const Config& config) {
  return config.model.weights ? config.model.weights->stem().string() : "none";
}

}  // namespace datus
