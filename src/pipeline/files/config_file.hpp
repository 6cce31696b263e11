// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/files/provenance.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// What RUN/config.yaml says in its first lines, which are comments to YAML.
struct ConfigFileRecord {
  RunInputs inputs;     ///< backend and content hashes of what the run reads from outside; `images` stays empty
  bool intact = false;  ///< whether the file's hash fits its text
};

/// The text of RUN/config.yaml: "# backend: …" (first line), "# inputs: …" (hashes of weights, descriptor weights,
/// centroids), "# hash: …" (over everything else in the file), then every setting.
[[nodiscard]] std::string config_file_text(const Config& config, const RunInputs& inputs);

/// Reads the comments of a RUN/config.yaml; nothing when there is no such file or it has no backend line.
[[nodiscard]] std::optional<ConfigFileRecord> read_config_file_record(const std::filesystem::path& path);

}  // namespace datus
