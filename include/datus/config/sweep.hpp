// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace datus {

/// One run of a sweep.
struct SweepCell {
  std::string name;  ///< of its run directory: "suim_dinov2-s14_seed0"
  Config config;
};

/// Runs that differ in the values of some settings.
struct Sweep {
  std::filesystem::path folder;  ///< has the run directories
  std::vector<SweepCell> cells;  ///< those that differ in the seed alone follow each other
};

/// Reads a file as docs/sweeps.md describes it: `base`, `directory`, and the lists `datasets`, `weights`, `vary` and
/// `seeds`, of which each combination is a cell. Paths are relative to the folder of the file, `directory` to the
/// current folder. Throws `UsageError` naming file and line, for two cells of the same name as well, and what
/// `load_config` throws for a cell.
[[nodiscard]] Sweep load_sweep(const std::filesystem::path& file);

}  // namespace datus
