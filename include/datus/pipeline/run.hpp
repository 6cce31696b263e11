// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "datus/pipeline/report_request.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace datus {

/// The exit code of a job that has done its work but for `unreadable` images.
[[nodiscard]] ExitCode exit_code_for(const DatasetConfig& dataset, std::int64_t unreadable);

/// What is asked of a run beside its configuration.
struct RunOptions {
  bool dry_run = false;  ///< print what would be done, change nothing
  bool force = false;    ///< start also when the files will not fit on the disk
};

/// COLLECTIVE. `datus run`: all stages, and the report. What is up to date is not done again. Returns
/// `unreadable_images` when images could not be read and `dataset.on_unreadable` is report, else `done`. Rank 0 prints
/// a summary on stdout. Throws `AgreedError` with exit code interrupted when a signal asked for a stop: everything
/// finished is kept, and the same command goes on.
ExitCode run_all(const Config& config, RunOptions options, Communicator& comm);

/// COLLECTIVE. One stage of a run, as its subcommand. The stages before it must be up to date.
ExitCode run_stage(const Config& config, Stage stage, RunOptions options, Communicator& comm);

/// COLLECTIVE. `datus report`: the page of a run, from the files that are there. `config` is that of RUN/config.yaml.
ExitCode run_report(const Config& config, const ReportRequest& request, Communicator& comm);

/// COLLECTIVE. `datus plan`: prints what `run_all` would do, and the bytes that it would write. Changes nothing.
ExitCode print_plan(const Config& config, Communicator& comm);

/// COLLECTIVE. `datus apply RUN`: labels other images with the weights, settings, centroids and mapping of a finished
/// run and fits nothing. `config` is the fitted run's with the new images and the new run directory.
ExitCode apply_run(const Config& config, const std::filesystem::path& fitted, RunOptions options, Communicator& comm);

}  // namespace datus
