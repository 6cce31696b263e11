// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/ledger.hpp"
#include "algo/kmeans/lloyd.hpp"

#include <span>
#include <vector>

namespace datus::clustering {

/// Which centroids the rows are assigned to.
enum class Target {
  current,
  /// Those before the last update: to bring back the state of an earlier pass.
  previous,
};

/// One pass over the local rows: assigns them for each pair, brings the pairs' totals up to date, and returns them.
[[nodiscard]] std::vector<Tally> run_pass(const Context& context, std::span<WorkingPair* const> pairs, Target target);

}  // namespace datus::clustering
