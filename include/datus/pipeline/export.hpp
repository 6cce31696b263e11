// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/error.hpp"

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// How the photos come into an export that has them beside its masks.
enum class ExportedImages {
  link,  ///< relative symbolic links
  copy,
};

/// What `datus export` is asked for.
struct ExportRequest {
  std::filesystem::path run;
  std::string format;
  std::optional<int> k;                        ///< needed where the run has more than one
  std::optional<std::filesystem::path> out;    ///< RUN/export/kNNN-FORMAT
  std::optional<std::filesystem::path> names;  ///< of clusters, by a person
  std::string protocol;                        ///< of the scores whose mapping is taken; empty: strict, or the first
  ExportedImages images = ExportedImages::link;
};

/// The names of all formats.
[[nodiscard]] std::vector<std::string> export_formats();

/// `datus export`: writes the masks of a finished run in the form that other programs read, with classes.json beside
/// them (docs/exports.md). Changes nothing else of the run, and takes no lock. The folder appears when all of it is
/// written. Masks are read once, one image after the other on each thread, and compared with the hashes of their
/// records. COLLECTIVE, for one rank. Throws `InputError` when masks are missing, damaged or of other clusters than the
/// run has now, `UsageError` when the format cannot hold them or the output is not empty.
ExitCode export_run(const ExportRequest& request, std::ostream& out, Communicator& comm);

}  // namespace datus
