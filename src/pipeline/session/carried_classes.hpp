// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

#include <string>

namespace datus {

/// COLLECTIVE. Writes what the run that this one is labelled with knows of the classes of its clusters beside them, so
/// that masks without ground truth have classes too; removes what an earlier one knew. Returns on rank 0 a phrase for
/// people that says whose classes they are; empty where there are none.
std::string carry_classes(const RunContext& run);

}  // namespace datus
