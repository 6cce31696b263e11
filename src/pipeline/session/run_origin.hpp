// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/backbone/model_placement.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/session/open_run.hpp"

#include <optional>

namespace datus {

/// What a run's files are made from, and where this rank has the model.
struct RunOrigin {
  RunInputs inputs;
  ModelPlacement placement;
};

/// COLLECTIVE. Hashes what the configuration names and looks at the machines, so that all ranks say the same; with
/// `RunAccess::report` it is what the run's record says. Throws `AgreedError` when an input is missing, and with
/// `RunAccess::write` when the run was started on another backend.
[[nodiscard]] RunOrigin find_origin(const Config& config, const RunDirectory& directory,
                                    const std::optional<FittedRun>& fitted, const ImageList& list, RunAccess access,
                                    Communicator& comm);

}  // namespace datus
