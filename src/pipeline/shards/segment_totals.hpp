// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/files/segment_tally.hpp"
#include "pipeline/session/run_context.hpp"

#include <optional>

namespace datus {

/// COLLECTIVE. The tally of all images of the run; nothing while the segments of a shard are missing, or of other
/// settings.
[[nodiscard]] std::optional<SegmentTally> tally_of_run(const RunContext& run);

}  // namespace datus
