// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

#include <cstdint>

namespace datus {

/// COLLECTIVE. Collects the images that the finished shards list as unreadable and writes them with their reasons to
/// RUN/unreadable.tsv (removed when there are none), tabs, newlines and backslashes as \t, \n, \\. Returns their
/// number, the same on all ranks. The reasons are found anew, so that they do not depend on which job met the image.
std::int64_t report_unreadable(const RunContext& run);

}  // namespace datus
