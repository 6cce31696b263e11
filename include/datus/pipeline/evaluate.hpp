// SPDX-License-Identifier: Apache-2.0
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
  /// A number, a file, or empty: those of the configuration, else the largest truth value plus one.
  std::string classes;
  std::optional<int> clusters;  ///< empty: the largest prediction plus one
  std::optional<std::filesystem::path> json;
};

/// COLLECTIVE. `datus evaluate --predictions DIR --truth DIR`. Files pair by their name without extension. A
/// prediction without ground truth is not scored, which is said; ground truth without a prediction is an error, unless
/// `dataset.list` names the images to score. How ground truth is read, protocols and a fixed mapping come from the
/// configuration.
Evaluation evaluate_folders(const Config& config, const EvaluateRequest& request, int threads, Communicator& comm);

}  // namespace datus
