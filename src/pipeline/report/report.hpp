// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

#include <string>

namespace datus {

/// COLLECTIVE. Writes RUN/report/index.html with its pictures: for up to `max_images` images, evenly chosen, the
/// original, its segments, the mask for every K, the matched classes and the ground truth side by side; scores,
/// legends, settings. Where evaluation has failed, the page says why in place of scores. Ranks draw the pictures
/// together; the result does not depend on their number.
void write_report(const RunContext& run, int max_images, const std::string& evaluation_failure = {});

}  // namespace datus
