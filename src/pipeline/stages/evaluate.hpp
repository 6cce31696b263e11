// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/score_files.hpp"
#include "pipeline/session/run_context.hpp"

#include <vector>

namespace datus {

/// COLLECTIVE. Throws `AgreedError` for settings and mappings that `evaluate_run` would refuse after all the work, as
/// far as they are known before it.
void require_evaluable(const RunContext& run);

/// COLLECTIVE. Stage evaluate of a run: compares the masks of each K with the ground truth that there is, each rank
/// some images, and writes RUN/scores/kK.json. A protocol that does not go with a K is left out, which is said; so is a
/// K without a protocol. Without ground truth nothing happens. Throws `AgreedError` for a mask that does not have the
/// size of its truth, or a truth value that is no class.
std::vector<Evaluation> evaluate_run(const RunContext& run, const std::vector<int>& clusters);

}  // namespace datus
