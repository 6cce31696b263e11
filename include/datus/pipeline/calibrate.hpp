#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"

#include <filesystem>
#include <optional>

namespace datus {

/// COLLECTIVE. `datus plan CONFIG --calibrate`: measures for about `seconds` what the parts of the run take on these
/// machines, with its weights, settings and images, on all ranks at the same time; the slowest rank counts. Writes
/// `file` (without one `default_calibration_file`) and prints on rank 0 what came out. The run directory is not
/// touched; files to measure with lie beside it meanwhile. Throws `AgreedError` for weights or images that cannot be
/// used, and with exit code interrupted when a signal asked for a stop.
ExitCode calibrate_run(const Config& config, const std::optional<std::filesystem::path>& file, double seconds,
                       Communicator& comm);

}  // namespace datus
