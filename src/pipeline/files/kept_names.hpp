// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/atomic_file.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/provenance.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace datus {

// Names that a person gave to clusters stay with the run: RUN/clusters/kNNN/names.yaml is the file that was given
// (`read_cluster_names`), behind a line that tells of which clusters it is.

/// Its place.
[[nodiscard]] std::filesystem::path kept_names_file(const RunDirectory& run, int k);

/// Keeps the names in `given` for the clusters of this record. Atomic. Throws `SystemError`.
void keep_names(const RunDirectory& run, int k, const StageProvenance& clusters, const std::filesystem::path& given,
                const WriteOptions& options);

/// The file, where there is one of the clusters of this record; where it is of others, `why` says so.
[[nodiscard]] std::optional<std::filesystem::path> kept_names(const RunDirectory& run, int k,
                                                              const StageProvenance& clusters, std::string& why);

}  // namespace datus
