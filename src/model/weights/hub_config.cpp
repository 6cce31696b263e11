// SPDX-License-Identifier: Apache-2.0
#include "model/weights/hub_config.hpp"

#include "model/weights/json_file.hpp"

namespace datus {

std::optional<std::filesystem::path> file_beside(const std::filesystem::path& weights, const std::string& name) {
  const std::filesystem::path own = weights.parent_path() / (weights.stem().string() + "." + name);
  if (std::filesystem::is_regular_file(own)) return own;
  const std::filesystem::path common = weights.parent_path() / name;
  if (std::filesystem::is_regular_file(common)) return common;
  return std::nullopt;
}

std::optional<HubConfig> read_hub_config(const std::filesystem::path& weights) {
  const auto path = file_beside(weights, "config.json");
  if (!path) return std::nullopt;
  const nlohmann::json json = read_json_object(*path);
  HubConfig config;
  config.source = path->string();
  const auto dim = member_of<int>(json, "hidden_size", config.source);
  if (!dim) return std::nullopt;
  config.dim = *dim;
  config.depth = member_of<int>(json, "num_hidden_layers", config.source);
  config.heads = member_of<int>(json, "num_attention_heads", config.source);
  config.layer_norm_eps = member_of<double>(json, "layer_norm_eps", config.source);
  config.rotary_period = member_of<double>(json, "rope_theta", config.source);
  // Written so from version 5 of the library on.
  const auto rope = json.find("rope_parameters");
  if (!config.rotary_period && rope != json.end() && rope->is_object()) {
    config.rotary_period = member_of<double>(*rope, "rope_theta", config.source);
  }
  config.activation = member_of<std::string>(json, "hidden_act", config.source);
  return config;
}

}  // namespace datus
