// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "pipeline/session/run_context.hpp"

#include <memory>
#include <optional>

namespace datus {

/// What a run is opened for.
enum class RunAccess {
  write,                ///< takes the lock, makes the folder, freezes the list
  write_without_model,  ///< the same for stages that compute no embeddings: they go on from another backend too
  report,               ///< takes the lock too; what the run is made from stays what its record says
  look,                 ///< changes nothing
};

/// Whether the run's own record, its configuration and list of images, is written.
[[nodiscard]] constexpr bool makes_record(RunAccess access) {
  return access == RunAccess::write || access == RunAccess::write_without_model;
}

/// COLLECTIVE. Opens the run directory of the configuration, or makes it: lists and probes the images, freezes the list
/// in images.h5, hashes the weights and writes config.yaml. Throws `AgreedError` on all ranks when the directory cannot
/// be written to, when most images are not as in the frozen list, when an input is missing, when the ground truth does
/// not fit (`check_truth`), and with `RunAccess::write` when the run was started on another backend. `force`: see
/// `RunContext`.
[[nodiscard]] std::unique_ptr<RunContext> open_run(const Config& config, std::optional<FittedRun> fitted,
                                                   Communicator& comm, RunAccess access = RunAccess::write,
                                                   bool force = false);

}  // namespace datus
