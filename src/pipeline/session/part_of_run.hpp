// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace datus {

/// COLLECTIVE. An empty hidden folder for `purpose` beside the run directory, in the first folder above it that exists,
/// so that nothing else is made. It goes with the last rank's object, with all that is in it. Throws `AgreedError` when
/// it cannot be made.
[[nodiscard]] std::shared_ptr<const std::filesystem::path> folder_beside(const RunContext& run,
                                                                         const std::string& purpose);

/// COLLECTIVE. `count` of the images that can be read, at least one and spread evenly over the list, as a new run in
/// `folder`, in the same job; without lock or log. Where none can be read, the first image.
[[nodiscard]] std::unique_ptr<RunContext> part_of_run(const RunContext& whole, const std::filesystem::path& folder,
                                                      std::int64_t count, int shard_size);

/// The same run with other settings of stages that are still to come. Without lock or log. Not collective.
[[nodiscard]] std::unique_ptr<RunContext> run_with_settings(const RunContext& run, const Config& config);

}  // namespace datus
