// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/stop_signals.hpp"
#include "pipeline/files/cluster_checkpoint.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/stages/cluster/cluster_gpu.hpp"
#include "pipeline/stages/cluster/clustering.hpp"
#include "pipeline/stages/cluster/descriptor_rows.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// Many small clusters with a tree over them, which is cut at any K: k-means with few clusters spends them on what
/// covers most of the images, and splits that.
struct FineFit {
  FineClusters clusters;
  std::vector<std::int32_t> labels;  ///< [rows of this rank]: the fine cluster of each
  std::int64_t total_rows = 0;       ///< of all ranks
  double inertia = 0;                ///< of all rows to their fine clusters, fitted here or not
  std::vector<double> history;       ///< inertia of each iteration; empty where nothing was fitted
  bool converged = true;
  int restart = 0;
};

/// How many fine clusters K are cut from, with so many rows: `wanted` (cluster.fine), at most one for five rows, but K
/// at least. Nothing else decides, so that a K comes out the same whatever others are asked for.
[[nodiscard]] int fine_clusters_for(std::int64_t rows, int wanted, int k);

/// [ascending]: how many clusters k-means fits so that each of `clusters` can be had: these without cluster.fine.
[[nodiscard]] std::vector<int> fitted_clusters(const ClusterConfig& config, const std::vector<int>& clusters,
                                               std::int64_t rows);

/// COLLECTIVE. k-means, as `fit_rows`, with as many fine clusters as each of `clusters` is cut from, and the trees over
/// them: one fit for each number, in most runs one for all. Those of `current` need none.
[[nodiscard]] std::vector<FineFit> fit_fine(const DescriptorRows& data, const ClusterConfig& config,
                                            const std::vector<int>& clusters, KMeansOptions options,
                                            std::vector<FineFit> current, const ClusterGpu& gpu,
                                            const ClusterCheckpoint& checkpoint, const StopSignals& signals,
                                            Communicator& comm);
/// The one of them that `k` is cut from.
[[nodiscard]] const FineFit& fit_for(const std::vector<FineFit>& fits, const ClusterConfig& config, int k);

/// COLLECTIVE. The nearest of given fine clusters for every row. Throws `AgreedError` for rows of another width.
[[nodiscard]] FineFit assign_fine(FineClusters clusters, const DescriptorRows& data, int threads, const ClusterGpu& gpu,
                                  Communicator& comm);

/// The tree's `k` clusters, but for the rows' assignment (see `labels_of_cut`): not all K need be in memory. A centroid
/// is the mean of its fine ones, each as often as the fit had rows of it; the inertia is that of the fine clusters and,
/// as if they were points, of these to their mean (Huygens).
[[nodiscard]] Clustering cut(const FineFit& fit, int k);
/// [rows of this rank]: which of them each belongs to.
[[nodiscard]] std::vector<std::int32_t> labels_of_cut(const FineFit& fit, int k);

}  // namespace datus
