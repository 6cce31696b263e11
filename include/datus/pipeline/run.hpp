#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// COLLECTIVE. `datus run`: all stages, and the report. What is up to date is not done again. Returns
/// `unreadable_images` when images could not be read and `dataset.on_unreadable` is report, else `done`. Rank 0 prints
/// a summary on stdout.
ExitCode run_all(const Config& config, Communicator& comm);

/// COLLECTIVE. One stage of a run, as its subcommand. The stages before it must be up to date.
ExitCode run_stage(const Config& config, Stage stage, Communicator& comm);

/// COLLECTIVE. `datus apply RUN`: labels other images with the weights, settings, centroids and mapping of a finished
/// run and fits nothing. `config` is the fitted run's with the new images and the new run directory.
ExitCode apply_run(const Config& config, const std::filesystem::path& fitted, Communicator& comm);

}  // namespace datus
