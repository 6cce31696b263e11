// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// What a Hugging Face config.json says about a Vision Transformer; only what its tensors do not tell, and the sizes by
/// which one can see that it belongs to them.
struct HubConfig {
  std::string source;  ///< the file, for messages
  int dim = 0;
  std::optional<int> depth;
  std::optional<int> heads;
  std::optional<double> layer_norm_eps;
  std::optional<double> rotary_period;
  std::optional<std::string> activation;
};

/// The file NAME beside the weights: STEM.NAME for STEM.safetensors, or else NAME itself; nothing when neither is
/// there.
[[nodiscard]] std::optional<std::filesystem::path> file_beside(const std::filesystem::path& weights,
                                                               const std::string& name);

/// Reads config.json beside `weights`. Nothing when there is none, or one that describes no transformer (no
/// hidden_size). Throws `InputError` naming the file when it is no JSON or has values of wrong types.
[[nodiscard]] std::optional<HubConfig> read_hub_config(const std::filesystem::path& weights);

}  // namespace datus
