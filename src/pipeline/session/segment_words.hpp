// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/files/segment_tally.hpp"

#include <string>

namespace datus {

/// "12.3 % of the patches in no segment, 2 of 8 images without any; edge share 0.97, 5 of 8 graphs nearly complete".
[[nodiscard]] std::string tally_text(const SegmentTally& tally);

/// What to tell the user of masks that are to have gaps, and which setting helps with this backbone, as the graphs
/// show: one sentence for each. Empty when it is not worth a warning.
[[nodiscard]] std::string tally_warning(const SegmentTally& tally, const Config& config);

}  // namespace datus
