// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"

#include <optional>
#include <vector>

namespace datus {

/// What a job is checked for.
struct PreflightRequest {
  std::optional<int> ranks;  ///< how many the launcher was asked for
  /// Whether the job works in a run directory, and whether it is an error when the configuration names no images. What
  /// it names is always checked.
  bool in_run_directory = false;
  bool needs_images = false;
  /// That the job will do. What none of them needs is not asked for: a GPU, and, where no embeddings are computed, the
  /// same backend everywhere.
  std::vector<Stage> stages = {all_stages.begin(), all_stages.end()};
};

/// COLLECTIVE. Checks on all nodes what a job needs before it starts: the number of ranks, messages between them, and
/// that all nodes have the same program, configuration, weights, images and run directory, and each rank a GPU where
/// the configuration asks for them and a stage uses them. Rank 0 prints a line for each problem on stderr ("preflight:
/// NODE: …"), or one line on stdout when there is none. Changes nothing: test files in the run directory, or in the
/// nearest folder above it that exists, are removed again.
///
/// Returns, the same on all ranks, the exit code of the first problem. Throws `SystemError` when MPI fails.
[[nodiscard]] ExitCode preflight(const Config& config, const PreflightRequest& request, Communicator& comm);

}  // namespace datus
