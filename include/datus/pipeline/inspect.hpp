#pragma once

#include "datus/core/error.hpp"

#include <filesystem>
#include <ostream>

namespace datus {

/// `datus inspect`: prints what a run directory, an HDF5 file or a weights file holds. With `verify` recomputes all
/// content hashes and lists the files that are damaged; the exit code is `bad_input` when there are any.
ExitCode inspect(const std::filesystem::path& path, bool verify, std::ostream& out);

}  // namespace datus
