// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"

#include <filesystem>
#include <ostream>

namespace datus {

/// `datus clean RUN`: removes what the run holds of values of K that its cluster.k no longer has (clusters, masks,
/// scores), and prints each folder and file; with `dry_run` only that. For one process; takes
/// the run's lock. Throws `InputError` for a directory that is no run or has lost its configuration.
ExitCode clean_run(const std::filesystem::path& run, bool dry_run, std::ostream& out, Communicator& comm);

}  // namespace datus
