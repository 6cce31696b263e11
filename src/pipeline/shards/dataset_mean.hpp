// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/session/run_context.hpp"

namespace datus {

/// COLLECTIVE. Finds the mean embedding of the run's data set (affinity.center: dataset) from its keys files, which
/// must be up to date, keeps it in RUN/keys/mean.h5 and makes it part of the run's record. A run that is fitted to
/// another takes that one's. The sum is exact: ranks, threads and shards do not matter. Throws `AgreedError` naming a
/// keys file that is missing, or the fitted run that has no mean.
void find_dataset_mean(RunContext& run);

}  // namespace datus
