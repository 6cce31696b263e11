// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "datus/pipeline/score_files.hpp"

#include <string>

namespace datus {

/// Scores stay in a run when its ground truth is switched off, or an evaluation by other settings fails. Why these are
/// not those of the run as it is: a sentence; empty where they are. `wanted`: the hash of the record of stage evaluate
/// for their K, as scores have it as "run"; those of earlier versions have none.
[[nodiscard]] std::string why_not_current(const Evaluation& scores, const std::string& wanted, bool has_truth);

/// The same by what lies in the run's folder alone, for those who do not open its images. `config` is that of the run.
[[nodiscard]] std::string why_not_current(const Evaluation& scores, const RunDirectory& run, const Config& config);

}  // namespace datus
