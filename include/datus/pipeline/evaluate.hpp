#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/pipeline/score_files.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// What `datus evaluate` is asked for on plain files.
struct EvaluateRequest {
  std::filesystem::path predictions;
  std::filesystem::path truth;
  std::string classes;          ///< a number, a JSON file, or empty: the largest truth value plus one
  std::optional<int> clusters;  ///< empty: the largest prediction plus one
  std::optional<std::filesystem::path> json;
};

/// COLLECTIVE. `datus evaluate --predictions DIR --truth DIR`. Files pair by their name without extension; a missing or
/// an extra one is an error. Protocols, void value and a fixed mapping come from the configuration.
Evaluation evaluate_folders(const Config& config, const EvaluateRequest& request, int threads, Communicator& comm);

}  // namespace datus
