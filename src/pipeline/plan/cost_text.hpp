// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "pipeline/plan/cost_model.hpp"

#include <cstdint>
#include <string>

namespace datus {

/// The table by stages, what was assumed, and the sbatch lines, which end with `arguments`.
[[nodiscard]] std::string cost_text(const RunCost& cost, const RunPlan& plan, const Config& config,
                                    const Calibration& calibration, const Allocation& allocation,
                                    const std::string& arguments);

/// "measured 48 of 640 images in 60 s, …": what, where and on how much.
[[nodiscard]] std::string measured_text(const Calibration& calibration);

/// For sbatch's --time: half as much again and five minutes, in steps of 5 minutes, from two hours on of 15.
[[nodiscard]] std::string time_limit(double seconds);

/// Bytes for sbatch's --mem, of a node: a quarter more than all of its ranks take, in whole GiB. "12G".
[[nodiscard]] std::string memory_limit(std::int64_t bytes_per_rank, int ranks_per_node);

}  // namespace datus
