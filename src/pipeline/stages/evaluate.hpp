#pragma once

#include "datus/pipeline/score_files.hpp"
#include "pipeline/session/run_context.hpp"

#include <optional>
#include <string>

namespace datus {

/// COLLECTIVE. Throws `AgreedError` for settings and mappings that `evaluate_run` would refuse after all the work, as
/// far as they are known before it.
void require_evaluable(const RunContext& run);

/// COLLECTIVE. Stage evaluate of a run for one K: compares the masks with the ground truth that there is, each rank
/// some images, sums one confusion matrix over all ranks and writes RUN/scores/kK.json. Without ground truth nothing
/// happens (nullopt). Throws `AgreedError` for a mask that does not have the size of its truth, or a truth value that
/// is no class.
std::optional<Evaluation> evaluate_run(const RunContext& run, int k);

}  // namespace datus
