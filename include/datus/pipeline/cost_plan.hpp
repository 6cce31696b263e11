// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// COLLECTIVE. `datus plan CONFIG --calibrate`: takes some of the run's images through all stages, for about `seconds`
/// and with all ranks, in a hidden folder that is gone in the end; the run directory is not touched. Writes what that
/// took to `file` (by default beside the run directory) and prints it on rank 0. Throws `AgreedError` for weights or
/// images that cannot be used, and with exit code interrupted when a signal asked for a stop.
ExitCode calibrate_run(const Config& config, const std::optional<std::filesystem::path>& file, double seconds,
                       Communicator& comm);

/// What `datus plan CONFIG --nodes N` is asked for. Numbers are at least 1, the rate is above 0.
struct CostRequest {
  int nodes = 1;
  std::optional<int> gpus_per_node;   ///< one rank for each
  std::optional<int> ranks_per_node;  ///< without either: as calibrated
  std::optional<int> cpus_per_rank;   ///< without: the threads of the calibration
  std::optional<std::filesystem::path> calibration;
  std::optional<std::int64_t> images;    ///< plan for so many images like those that are listed
  std::optional<std::int64_t> segments;  ///< of all images; without: as many per image as measured
  std::optional<double> forward_rate;    ///< images per second that a rank takes through the model, as if
  std::string arguments;                 ///< CONFIG and settings, fit for a shell: what the sbatch lines end with
};

/// COLLECTIVE. Prints on rank 0 what `datus plan` prints, then time, node-hours, bytes and memory by stages, what was
/// assumed, and sbatch lines that fit. Changes nothing. Throws `AgreedError` when there is no calibration, or when it
/// is one of something else.
ExitCode print_cost_plan(const Config& config, const CostRequest& request, Communicator& comm);

}  // namespace datus
