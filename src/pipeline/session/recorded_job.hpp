// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/error.hpp"
#include "pipeline/session/run_context.hpp"

#include <functional>
#include <string>

namespace datus {

/// COLLECTIVE. Runs `body` on an open run, and leaves behind what became of it, also when it throws: RUN/state.json and
/// the logs. RUN/state.json is one JSON object: "schema" 1 and "state":
/// - "running": a job works on the run, or was killed (the lock tells);
/// - "interrupted": it was asked to stop and has saved its work (exit code 75);
/// - "failed": "error" says why;
/// - "done": every stage is (after `run` and `apply`; the file then tells nothing of the job, and is the same for the
///   same run); "stage done": one subcommand is.
/// With all but "done" come "command", "job" and "restart". At the end RUN/checksums.tsv is written.
ExitCode recorded_job(const RunContext& run, const std::string& command, const std::function<ExitCode()>& body);

}  // namespace datus
