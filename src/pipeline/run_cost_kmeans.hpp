#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/pipeline/run_cost.hpp"

#include <cstdint>

namespace datus {

/// What k-means of a run would be asked for, as far as time and memory depend on it.
[[nodiscard]] KMeansOptions options_of_cost(const RunWork& work, const Config& config, const Allocation& allocation);

/// Rows of the rank that has most of them.
[[nodiscard]] std::int64_t rows_of_rank(const RunWork& work, const Allocation& allocation);

/// Bytes of a rank beside the rows and the process.
[[nodiscard]] std::int64_t state_of_kmeans(const RunWork& work, const Config& config, const Calibration& calibration,
                                           const Allocation& allocation);

}  // namespace datus
