// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/algo/kmeans_state.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "pipeline/stages/cluster/cluster_gpu.hpp"
#include "pipeline/stages/cluster/descriptor_rows.hpp"

#include <optional>
#include <span>

namespace datus {

/// COLLECTIVE. All (K, restart) pairs of `options` by groups of the ranks, see `kmeans_in_groups`: what `kmeans` is to
/// go on from. Nothing where all ranks are to work on all pairs: with one group by cluster.groups or, with `auto`, by
/// `choose_groups`; with one rank, and with one pair left to do. Rank 0 says in the log how many groups and why. Throws
/// `AgreedError` as `kmeans`, and where the rows of a group do not find room.
[[nodiscard]] std::optional<KMeansState> fit_in_groups(const DescriptorRows& data, const ClusterConfig& config,
                                                       const KMeansOptions& options, std::span<const double> given,
                                                       const ClusterGpu& gpu, Communicator& comm);

}  // namespace datus
