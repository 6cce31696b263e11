// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/report_request.hpp"
#include "pipeline/session/run_context.hpp"

#include <string>

namespace datus {

/// COLLECTIVE. Writes RUN/report/index.html: for up to `max_images` images, evenly chosen, the photo, its segments, the
/// ground truth and the mask for every K; scores, clusters with examples, charts, settings. Up to `report_images` are
/// inside of the page, more lie in RUN/report/pictures, which otherwise only keeps what need not be drawn again. Where
/// evaluation has failed, the page says why in place of scores. Ranks draw the pictures together; the result does not
/// depend on their number. Throws `AgreedError` for names that a person gave to clusters and that do not fit.
void write_report(const RunContext& run, const ReportRequest& request, const std::string& evaluation_failure = {});

}  // namespace datus
