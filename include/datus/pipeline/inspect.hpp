// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/error.hpp"

#include <filesystem>
#include <ostream>

namespace datus {

/// `datus inspect`: prints what an HDF5 file or a weights file holds, or of a run its state, images, stages, values of
/// K, scores, weights and version. With `verify` recomputes the content hashes of an HDF5 file, or of a run all that
/// `verify_run` checks: one line for each file that is damaged, missing, stale or foreign, then counts; weights are
/// read by the settings of `config`; the exit code is `bad_input` when there are any. Throws `InputError` for a path
/// that is not there, a file that is damaged, and a directory that is not one of a run.
ExitCode inspect(const std::filesystem::path& path, bool verify, const ModelConfig& config, std::ostream& out);

}  // namespace datus
