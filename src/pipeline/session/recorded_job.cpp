// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/recorded_job.hpp"

#include "datus/core/log.hpp"
#include "datus/core/stopwatch.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/checksums.hpp"

#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

bool does_all_stages(const std::string& command) {
  return command == "run" || command == "apply";
}

void write_state(const RunContext& run, const std::string& command, const std::string& state,
                 const std::optional<std::string>& error = std::nullopt) {
  Json json;
  json["schema"] = 1;
  json["state"] = state;
  if (state != "done") {
    json["command"] = command;
    json["job"] = run.job.job;
    json["restart"] = run.job.restart;
  }
  if (error) json["error"] = *error;
  write_text_atomically(run.directory.state(),
                        json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", run.writing());
}

/// On any rank, alone: the others may be gone.
void record_failure(const RunContext& run, const std::string& command, ExitCode code, const std::string& text) {
  const bool interrupted = code == ExitCode::interrupted;
  run.events.write(interrupted ? "interrupted" : "error", {{"text", text}, {"exit_code", static_cast<int>(code)}});
  if (run.comm.rank() != 0) return;
  try {
    write_state(run, command, interrupted ? "interrupted" : "failed", interrupted ? std::nullopt : std::optional(text));
  } catch (const std::exception& error) {
    // The failure itself is what the user must see: the disk may be full, or the lock lost.
    log::warning(std::string("the state of the run was not recorded: ") + error.what());
  }
}

void begin(const RunContext& run, const std::string& command) {
  run.events.write("job_start", {{"command", command},
                                 {"job", run.job.job},
                                 {"restart", run.job.restart},
                                 {"host", this_process().host},
                                 {"process", this_process().process},
                                 {"rank", run.comm.rank()},
                                 {"ranks", run.comm.size()},
                                 {"threads", run.threads},
                                 {"backend", run.provenance.inputs().backend}});
  on_root(run.comm, [&] { write_state(run, command, "running"); });
}

/// COLLECTIVE.
void end(const RunContext& run, const std::string& command, ExitCode code, double seconds) {
  on_root(run.comm, [&] {
    // Those of another job, which may have taken the run over, are not ours.
    std::error_code not_empty;
    std::filesystem::remove_all(run.directory.claims() / run.job.launch());
    std::filesystem::remove(run.directory.claims(), not_empty);
    write_checksums(run.directory, run.writing());
    write_state(run, command, does_all_stages(command) ? "done" : "stage done");
  });
  run.events.write("job_end", {{"exit_code", static_cast<int>(code)}, {"seconds", seconds}});
}

}  // namespace

ExitCode recorded_job(const RunContext& run, const std::string& command, const std::function<ExitCode()>& body) {
  const Stopwatch watch;
  try {
    begin(run, command);
    const ExitCode code = body();
    end(run, command, code, watch.seconds());
    return code;
  } catch (const Error& error) {
    record_failure(run, command, error.exit_code(), error.what());
    throw;
  } catch (const std::exception& error) {
    record_failure(run, command, ExitCode::failure, error.what());
    throw;
  }
}

}  // namespace datus
