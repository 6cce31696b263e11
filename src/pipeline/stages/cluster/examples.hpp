// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/extreme_rows.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "pipeline/files/cluster_examples.hpp"
#include "pipeline/stages/cluster/clustering.hpp"
#include "pipeline/stages/cluster/descriptor_rows.hpp"
#include "pipeline/stages/cluster/fine_clusters.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// What looking for them takes of memory beside k-means, for all K of the configuration.
[[nodiscard]] std::int64_t examples_bytes(const ClusterConfig& config);

/// COLLECTIVE. The rows that are nearest to the centroid of each cluster and farthest from it, for each of `made`: one
/// more pass over the rows. In a run with the image and the segment of each, which the rank that has the row looks up.
[[nodiscard]] std::vector<ExamplesOfK> find_examples(const DescriptorRows& data, std::span<const Clustering> made,
                                                     int threads, Communicator& comm);

/// COLLECTIVE. The same for cuts of trees, and for the fine clusters below them. `fits`: what each was cut from.
[[nodiscard]] std::vector<ExamplesOfK> find_examples(const DescriptorRows& data, std::span<const Clustering> cuts,
                                                     std::span<const FineFit* const> fits, int threads,
                                                     Communicator& comm);

}  // namespace datus
