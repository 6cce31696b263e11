// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/algo/kmeans_quality.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/pipeline/cluster.hpp"
#include "pipeline/files/cluster_checkpoint.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/stages/cluster/cluster_gpu.hpp"
#include "pipeline/stages/cluster/descriptor_rows.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What k-means made for one K, and how good it is.
struct Clustering {
  KMeansResult result;
  KMeansQuality quality;
  std::int64_t rows = 0;                            ///< of all ranks
  std::optional<double> separation = std::nullopt;  ///< see `ClusterSummary`
  std::vector<double> separations = {};

  /// To be written, of rows of length `dim`. All must outlive it. `fine`: null where k-means made the K clusters.
  [[nodiscard]] ClustersOfK contents(std::uint64_t seed, int dim, const FineClusters* fine,
                                     const ExamplesOfK& examples) const;
  [[nodiscard]] ClusterSummary summary() const;
};

/// What an assignment to given centroids asks of memory.
[[nodiscard]] KMeansOptions assign_options(int clusters, int threads);

/// Throws `AgreedError` when there is not a row for each cluster. `what` says what the rows are, `hint` what to do when
/// there is none at all.
void require_enough_rows(std::int64_t rows, const std::vector<int>& clusters, const std::string& what,
                         const std::string& hint);

/// COLLECTIVE. k-means for every K of the options, from the centroids that cluster.centroids names where cluster.init
/// is file. It goes on from its checkpoint, and saves one when a signal asks for a stop; who writes the results removes
/// it.
[[nodiscard]] std::vector<KMeansResult> fit_rows(const DescriptorRows& data, const ClusterConfig& config,
                                                 KMeansOptions options, const ClusterGpu& gpu,
                                                 const ClusterCheckpoint& checkpoint, const StopSignals& signals,
                                                 Communicator& comm);

/// COLLECTIVE. The nearest of the centroids for every row.
[[nodiscard]] Assignment assign_to(const DescriptorRows& data, const Centroids& centroids, int threads,
                                   const ClusterGpu& gpu, Communicator& comm);

/// COLLECTIVE. The same results with their quality: one more pass over the rows.
[[nodiscard]] std::vector<Clustering> with_quality(std::vector<KMeansResult> results, const DescriptorRows& data,
                                                   int threads, Communicator& comm);

}  // namespace datus
